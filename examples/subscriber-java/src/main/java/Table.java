import com.fasterxml.jackson.annotation.JsonAutoDetect;
import com.fasterxml.jackson.annotation.JsonAutoDetect.Visibility;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** What its file holds as JSON: who holds which roles, by directory/user, and where to go on. */
@JsonAutoDetect(fieldVisibility = Visibility.NON_PRIVATE)
final class Table {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String ASSIGNED = "rollcall.role.assigned.v1";
  private static final String REVOKED = "rollcall.role.revoked.v1";
  private static final Map<String, String> WHY =
      Map.of("inactive", "was suspended", "deleted", "was deleted", "mapping", "by a new mapping");

  /** Something was missed. */
  static final class Gap extends Exception {
    Gap(String message) {
      super(message);
    }
  }

  Map<Integer, Long> offsets = new TreeMap<>();
  Map<String, long[]> positions = new TreeMap<>(); // generation, sequence, 1 if exactly there
  Map<String, List<String>> holds = new TreeMap<>(); // name, roles

  static Table load(Path path) throws IOException {
    return JSON.readValue(path.toFile(), Table.class);
  }

  /** Replace the file in one step: roles and positions change together or not at all. */
  void save(Path path) throws IOException {
    Path draft = Path.of(path + ".new");
    byte[] content = JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(this);
    Files.write(draft, content, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING,
        StandardOpenOption.WRITE, StandardOpenOption.SYNC);
    Files.move(draft, path, StandardCopyOption.ATOMIC_MOVE);
  }

  /** Take in a record of the compacted topic; without a value the user holds nothing. */
  void learn(String key, String value) {
    holds.remove(key);
    if (value == null) {
      return;
    }
    JsonNode state = parse(value);
    hold(key, state, texts(state.at("/data/roles"), "/role/key"));
    // At least up to here: the events that went before are contained.
    positions.merge(key.split("/")[0], position(state, 0), (a, b) -> Arrays.compare(a, b) > 0 ? a : b);
  }

  /** Apply what is read next, and say what changed in a sentence. */
  void apply(int partition, long offset, String directory, String value) throws Gap {
    long due = offsets.getOrDefault(partition, 0L);
    if (offset > due) {
      throw new Gap("partition " + partition + ": " + due + " is gone");
    }
    offsets.put(partition, offset + 1);
    JsonNode event = parse(value);
    long[] at = position(event, 1);
    long[] last = positions.getOrDefault(directory, new long[3]);
    if (Arrays.compare(at, 0, 2, last, 0, 2) <= 0) {
      return; // a repeat, or contained in the state
    }
    if (last[2] == 1 && at[1] != last[1] + 1 && (at[0] == last[0] || at[1] != 1)) {
      throw new Gap("directory " + directory + ": " + Arrays.toString(at) + " after " + Arrays.toString(last));
    }
    positions.put(directory, at);
    if (Set.of(ASSIGNED, REVOKED).contains(event.path("type").asText())) {
      String key = directory + "/" + event.at("/data/user/id").asText();
      hold(key, event, texts(event.at("/data/rolesAfter"), ""));
      System.out.println(sentence(event));
    } // unknown types may come at any time
  }

  private void hold(String key, JsonNode record, List<String> roles) {
    holds.remove(key);
    if (!roles.isEmpty()) {
      holds.put(key, new ArrayList<>(List.of(record.at("/data/user/userName").asText())));
      holds.get(key).addAll(roles);
    }
  }

  private static String sentence(JsonNode event) {
    String user = event.at("/data/user/userName").asText();
    String role = event.at("/data/role/name").asText();
    String kind = event.at("/data/reason/kind").asText();
    List<String> names = texts(event.at("/data/reason/groups"), "/displayName");
    String groups = names.isEmpty() ? kind : String.join(" and ", names);
    if (event.path("type").asText().equals(ASSIGNED)) {
      return user + " now holds " + role + ", through " + groups;
    }
    return user + " no longer holds " + role + ": " + WHY.getOrDefault(kind, "left " + groups);
  }

  private static List<String> texts(JsonNode list, String path) {
    List<String> found = new ArrayList<>();
    list.forEach(one -> found.add(one.at(path).asText()));
    return found;
  }

  private static long[] position(JsonNode record, long exact) {
    return new long[] {record.path("generation").asLong(), record.path("sequence").asLong(), exact};
  }

  private static JsonNode parse(String value) {
    try {
      return JSON.readTree(value);
    } catch (JsonProcessingException error) {
      throw new UncheckedIOException(error);
    }
  }
}
