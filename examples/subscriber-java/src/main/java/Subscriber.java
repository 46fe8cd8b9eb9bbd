import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.*;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/** A downstream app: keeps a table of who holds which role in a file, and prints each change. */
public class Subscriber {
  static final String EVENTS = "role.events.v1", STATE = "role.state.v1";
  static final String ASSIGNED = "rollcall.role.assigned.v1", REVOKED = "rollcall.role.revoked.v1";
  static final Map<String, String> CHANGES =
      Map.of(ASSIGNED, "now holds", REVOKED, "no longer holds");
  static final ObjectMapper JSON = new ObjectMapper();

  /** What the file holds. A position is generation, sequence, and 1 if it is exact. */
  record Table(
      Map<Integer, Long> offsets, Map<String, long[]> positions, Map<String, List<String>> holds) {}

  public static void main(String[] args) throws IOException {
    var text = new StringDeserializer();
    Map<String, Object> settings =
        Map.of("bootstrap.servers", args[0], "auto.offset.reset", "none");
    try (var kafka = new KafkaConsumer<>(settings, text, text)) {
      var file = Path.of(args[1]);
      if (!Files.exists(file)) save(bootstrap(kafka), file);
      while (true) {
        try {
          follow(kafka, file);
        } catch (InvalidOffsetException gap) {
          System.err.println("missed something, starting anew: " + gap.getMessage());
          save(bootstrap(kafka), file);
        }
      }
    }
  }

  static Table bootstrap(KafkaConsumer<String, String> kafka) throws IOException {
    var table = new Table(new TreeMap<>(), new TreeMap<>(), new TreeMap<>());
    // First where the events end, then the state: it holds what they told up to there.
    var ends = kafka.endOffsets(places(kafka, EVENTS));
    ends.forEach((place, end) -> table.offsets.put(place.partition(), end));
    var unread = new HashMap<>(kafka.endOffsets(places(kafka, STATE)));
    kafka.assign(unread.keySet());
    kafka.seekToBeginning(kafka.assignment());
    while (!unread.isEmpty()) {
      for (var one : kafka.poll(Duration.ofSeconds(1))) learn(table, one.key(), one.value());
      unread.entrySet().removeIf(end -> kafka.position(end.getKey()) >= end.getValue());
    }
    return table;
  }

  static List<TopicPartition> places(KafkaConsumer<?, ?> kafka, String topic) {
    var found = kafka.partitionsFor(topic).stream();
    return found.map(one -> new TopicPartition(topic, one.partition())).toList();
  }

  /** Keep the table in the file up to date. Throws InvalidOffsetException for a gap. */
  static void follow(KafkaConsumer<String, String> kafka, Path file) throws IOException {
    var table = JSON.readValue(file.toFile(), Table.class);
    kafka.assign(places(kafka, EVENTS));
    for (var place : kafka.assignment())
      kafka.seek(place, table.offsets.getOrDefault(place.partition(), 0L));
    while (true) {
      for (var one : kafka.poll(Duration.ofMinutes(1))) {
        apply(table, one.key(), JSON.readTree(one.value()));
        table.offsets.put(one.partition(), one.offset() + 1);
      }
      save(table, file);
    }
  }

  static void learn(Table table, String key, String value) throws IOException {
    var state = JSON.readTree(value == null ? "{}" : value); // without a value: holds nothing
    table.holds.put(key, texts(state.at("/data/roles"), "/role/key"));
    // The events up to its number are contained, and maybe more: it is not exact.
    var at = position(state, 0);
    table.positions.merge(key.split("/")[0], at, (a, b) -> Arrays.compare(a, b) > 0 ? a : b);
  }

  /** Apply an event once, and print what changed. */
  static void apply(Table table, String directory, JsonNode event) {
    long[] at = position(event, 1), last = table.positions.getOrDefault(directory, new long[3]);
    if (Arrays.compare(at, 0, 2, last, 0, 2) <= 0) return; // a repeat, or contained already
    if (last[2] == 1 && at[1] != (at[0] == last[0] ? last[1] + 1 : 1))
      throw new OffsetOutOfRangeException("a gap in directory " + directory, Map.of());
    table.positions.put(directory, at);
    var change = CHANGES.get(event.at("/type").asText());
    if (change == null) return; // new types may come at any time
    var key = directory + "/" + event.at("/data/user/id").asText();
    table.holds.put(key, texts(event.at("/data/rolesAfter"), ""));
    var user = event.at("/data/user/userName").asText();
    var role = event.at("/data/role/name").asText();
    System.out.printf("%s %s %s: %s%n", user, change, role, event.at("/data/reason/kind").asText());
  }

  static List<String> texts(JsonNode list, String path) {
    var found = new ArrayList<String>();
    for (var one : list) found.add(one.at(path).asText());
    return found;
  }

  static long[] position(JsonNode record, long isExact) {
    return new long[] {record.at("/generation").asLong(), record.at("/sequence").asLong(), isExact};
  }

  /** Replace the file in one step: roles, positions and offsets change together. */
  static void save(Table table, Path file) throws IOException {
    table.holds.values().removeIf(List::isEmpty);
    try (var draft = new FileOutputStream(file + ".new")) {
      draft.write(JSON.writeValueAsBytes(table));
      draft.getFD().sync();
    }
    Files.move(Path.of(file + ".new"), file, StandardCopyOption.ATOMIC_MOVE);
  }
}
