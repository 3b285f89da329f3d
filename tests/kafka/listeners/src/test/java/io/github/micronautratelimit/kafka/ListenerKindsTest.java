package io.github.micronautratelimit.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.configuration.kafka.annotation.ErrorStrategy;
import io.micronaut.configuration.kafka.annotation.ErrorStrategyValue;
import io.micronaut.configuration.kafka.annotation.KafkaListener;
import io.micronaut.configuration.kafka.annotation.OffsetReset;
import io.micronaut.configuration.kafka.annotation.OffsetStrategy;
import io.micronaut.configuration.kafka.annotation.Topic;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Property;
import io.micronaut.context.annotation.Requires;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** Limits on listeners of all kinds, in one application: each has a topic and a limit of its own. */
class ListenerKindsTest {

    private static final int RECORDS = 20;

    /** The bucket has 5 permits, so 15 of the records wait at least 3 s in all. */
    private static final double SHORTEST_SECONDS = 2.5;

    private static final double LONGEST_SECONDS = 20;

    private static final List<String> KINDS = List.of(
            "plain", "record", "sync", "sync-per-record", "async-per-record", "retry", "mono", "stage", "primitive");

    /** The records by topic. */
    private static final Map<String, Records> RECEIVED = new ConcurrentHashMap<>();

    private static void add(String topic, String value) {
        RECEIVED.computeIfAbsent(topic, name -> new Records()).add(value);
    }

    @KafkaListener(groupId = "kinds", offsetReset = OffsetReset.EARLIEST)
    @Requires(property = "spec.name", value = "kinds")
    static class Automatic {

        @Topic("plain")
        @RateLimit("5/s")
        void plain(String value) {
            add("plain", value);
        }

        @Topic("record")
        @RateLimit("5/s")
        void ofRecord(ConsumerRecord<String, String> record) {
            add("record", record.value());
        }

        @Topic("mono")
        @RateLimit("5/s")
        Mono<String> mono(String value) {
            return Mono.fromSupplier(() -> {
                add("mono", value);
                return value;
            });
        }

        @Topic("stage")
        @RateLimit("5/s")
        CompletionStage<Void> stage(String value) {
            // Stages run beside each other, so only the calls have an order.
            add("stage", value);
            return CompletableFuture.runAsync(() -> {});
        }

        @Topic("primitive")
        @RateLimit("5/s")
        int primitive(String value) {
            add("primitive", value);
            return 1;
        }
    }

    @KafkaListener(groupId = "sync", offsetReset = OffsetReset.EARLIEST, offsetStrategy = OffsetStrategy.SYNC)
    @Requires(property = "spec.name", value = "kinds")
    static class Sync {

        @Topic("sync")
        @RateLimit("5/s")
        void receive(String value) {
            add("sync", value);
        }
    }

    @KafkaListener(
            groupId = "sync-per-record",
            offsetReset = OffsetReset.EARLIEST,
            offsetStrategy = OffsetStrategy.SYNC_PER_RECORD)
    @Requires(property = "spec.name", value = "kinds")
    static class SyncPerRecord {

        @Topic("sync-per-record")
        @RateLimit("5/s")
        void receive(String value) {
            add("sync-per-record", value);
        }
    }

    @KafkaListener(
            groupId = "async-per-record",
            offsetReset = OffsetReset.EARLIEST,
            offsetStrategy = OffsetStrategy.ASYNC_PER_RECORD)
    @Requires(property = "spec.name", value = "kinds")
    static class AsyncPerRecord {

        @Topic("async-per-record")
        @RateLimit("5/s")
        void receive(String value) {
            add("async-per-record", value);
        }
    }

    /** Fails once for each tenth record. */
    @KafkaListener(
            groupId = "retry",
            offsetReset = OffsetReset.EARLIEST,
            errorStrategy =
                    @ErrorStrategy(value = ErrorStrategyValue.RETRY_ON_ERROR, retryCount = 2, retryDelay = "10ms"),
            properties = @Property(name = "max.poll.records", value = "7"))
    @Requires(property = "spec.name", value = "kinds")
    static class Retrying {

        private final Map<String, Boolean> failed = new ConcurrentHashMap<>();

        @Topic("retry")
        @RateLimit("5/s")
        void receive(String value) {
            if (value.endsWith("5") && failed.put(value, true) == null) {
                throw new IllegalStateException("once");
            }
            add("retry", value);
        }
    }

    @Test
    void listenerReceivesEachRecordOnceInOrderAndAtItsRate() throws Exception {
        KafkaBroker.createTopics(1, KINDS);
        for (String topic : KINDS) {
            Records.send(topic, 1, Records.numbers(RECORDS));
        }
        try (ApplicationContext context = ApplicationContext.run(
                Map.of("spec.name", "kinds", "kafka.bootstrap.servers", KafkaBroker.address()))) {
            for (String topic : KINDS) {
                Records.await(
                        () -> RECEIVED.containsKey(topic)
                                && RECEIVED.get(topic).received().size() >= RECORDS,
                        () -> topic + " received "
                                + (RECEIVED.containsKey(topic)
                                        ? RECEIVED.get(topic).received()
                                        : "nothing"));
            }
            assertTrue(context.isRunning());
        }
        Map<String, Double> seconds = new TreeMap<>();
        for (String topic : KINDS) {
            assertEquals(Records.numbers(RECORDS), RECEIVED.get(topic).received(), topic);
            seconds.put(topic, RECEIVED.get(topic).seconds());
        }
        System.out.println("Seconds for 20 records at 5/s: " + seconds);
        seconds.forEach((topic, time) -> {
            assertTrue(time >= SHORTEST_SECONDS, topic + " took " + time + " s");
            assertTrue(time <= LONGEST_SECONDS, topic + " took " + time + " s");
        });
    }
}
