package io.github.micronautratelimit.kafka;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** The records that listeners have received, with their times, and a producer for them. */
final class Records {

    private static final long TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(60);

    private final List<String> received = new CopyOnWriteArrayList<>();
    private final List<Long> times = new CopyOnWriteArrayList<>();

    /** Notes a record. */
    synchronized void add(String value) {
        times.add(System.nanoTime());
        received.add(value);
    }

    List<String> received() {
        return new ArrayList<>(received);
    }

    /** Returns the time from the first to the last record. */
    double seconds() {
        return (times.get(times.size() - 1) - times.get(0)) / 1e9;
    }

    void await(int records) throws InterruptedException {
        await(() -> received.size() >= records, () -> "received " + received);
    }

    static void await(BooleanSupplier condition, java.util.function.Supplier<String> state)
            throws InterruptedException {
        long begun = System.nanoTime();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - begun > TIMEOUT_NANOS) {
                throw new AssertionError("Waited in vain: " + state.get());
            }
            TimeUnit.MILLISECONDS.sleep(20);
        }
    }

    static List<String> numbers(int count) {
        return IntStream.range(0, count).mapToObj(i -> "m" + i).toList();
    }

    /** Sends records to a topic, round-robin over its partitions. */
    static void send(String topic, int partitions, List<String> values) throws Exception {
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", KafkaBroker.address(), "acks", "all"),
                new StringSerializer(),
                new StringSerializer())) {
            int next = 0;
            for (String value : values) {
                producer.send(new ProducerRecord<>(topic, next++ % partitions, "key", value));
            }
            producer.flush();
        }
    }
}
