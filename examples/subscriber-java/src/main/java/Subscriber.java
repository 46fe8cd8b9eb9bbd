import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * A downstream app in miniature: keeps a table of who holds which role, and prints each change.
 *
 * <p>{@code java -cp 'target/classes:target/lib/*' Subscriber KAFKA_ADDRESS TABLE [GROUP]}
 *
 * <p>This class speaks with Kafka; {@link Table} decides what counts.
 */
public final class Subscriber {
  private static final String EVENTS = "role.events.v1";
  private static final String STATE = "role.state.v1";

  public static void main(String[] args) throws Exception {
    if (args.length < 2) {
      System.err.println("usage: Subscriber KAFKA_ADDRESS TABLE [GROUP]");
      System.exit(2);
    }
    Path path = Path.of(args[1]);
    Table table = Files.exists(path) ? Table.load(path) : bootstrap(args[0]);
    try (var consumer = connect(args[0], args.length > 2 ? args[2] : "example-java")) {
      consumer.subscribe(List.of(EVENTS));
      while (true) {
        table.save(path);
        consumer.commitSync();
        var polled = consumer.poll(Duration.ofMinutes(1));
        for (TopicPartition place : polled.partitions()) {
          try {
            takeIn(table, consumer, place, polled.records(place));
          } catch (Table.Gap gap) {
            System.err.println("missed something, starting anew: " + gap.getMessage());
            table = bootstrap(args[0]);
          }
        }
      }
    }
  }

  private static void takeIn(
      Table table,
      KafkaConsumer<String, String> consumer,
      TopicPartition place,
      List<ConsumerRecord<String, String>> records)
      throws Table.Gap {
    long due = table.offsets.getOrDefault(place.partition(), 0L);
    if (records.get(0).offset() < due) {
      consumer.seek(place, due); // Kafka decides who reads, the table from where
      return;
    }
    for (var one : records) {
      table.apply(one.partition(), one.offset(), one.key(), one.value());
    }
  }

  /** Make the table from the compacted topic. */
  private static Table bootstrap(String address) {
    Table table = new Table();
    try (var consumer = connect(address, null)) {
      // First where the events end, then the state: it holds what they told up to there.
      consumer.endOffsets(places(consumer, EVENTS)).forEach((place, end) -> table.offsets.put(place.partition(), end));
      List<TopicPartition> states = places(consumer, STATE);
      Map<TopicPartition, Long> ends = consumer.endOffsets(states);
      consumer.assign(states);
      consumer.seekToBeginning(states);
      while (states.stream().anyMatch(place -> consumer.position(place) < ends.get(place))) {
        consumer.poll(Duration.ofSeconds(1)).forEach(one -> table.learn(one.key(), one.value()));
      }
    }
    return table;
  }

  private static List<TopicPartition> places(KafkaConsumer<?, ?> consumer, String topic) {
    return consumer.partitionsFor(topic).stream().map(one -> new TopicPartition(topic, one.partition())).toList();
  }

  private static KafkaConsumer<String, String> connect(String address, String group) {
    Map<String, Object> settings = new HashMap<>();
    settings.put("bootstrap.servers", address);
    settings.put("group.id", group);
    settings.put("enable.auto.commit", "false");
    settings.put("auto.offset.reset", "earliest");
    settings.put("session.timeout.ms", "10000"); // so long the partitions of a killed one wait
    return new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
  }
}
