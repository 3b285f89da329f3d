package io.github.micronautratelimit.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.RateLimitEvent;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.configuration.kafka.annotation.KafkaListener;
import io.micronaut.configuration.kafka.annotation.OffsetReset;
import io.micronaut.configuration.kafka.annotation.OffsetStrategy;
import io.micronaut.configuration.kafka.annotation.Topic;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Property;
import io.micronaut.context.annotation.Requires;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Records that wait: longer than the consumer may be silent, during a stop, a rebalance, and an outage. */
class WaitingRecordsTest {

    private static Records records = new Records();
    private static final AtomicInteger LOST = new AtomicInteger();
    private static final AtomicInteger RUNNING = new AtomicInteger();
    private static final AtomicInteger MOST_RUNNING = new AtomicInteger();

    @BeforeEach
    void reset() {
        records = new Records();
        LOST.set(0);
        RUNNING.set(0);
        MOST_RUNNING.set(0);
        SharedStore.AVAILABLE.set(true);
    }

    private static ApplicationContext application(String name, String... properties) {
        Map<String, Object> all = new HashMap<>(Map.of(
                "spec.name",
                name,
                "kafka.bootstrap.servers",
                KafkaBroker.address(),
                "micronaut.application.name",
                name));
        for (int i = 0; i < properties.length; i += 2) {
            all.put(properties[i], properties[i + 1]);
        }
        return ApplicationContext.run(all);
    }

    @KafkaListener(
            groupId = "long-wait",
            offsetReset = OffsetReset.EARLIEST,
            properties = {
                @Property(name = "max.poll.interval.ms", value = "1500"),
                @Property(name = "session.timeout.ms", value = "6000")
            })
    @Requires(property = "spec.name", value = "long-wait")
    static class LongWait implements ConsumerRebalanceListener {

        @Topic("long-wait")
        @RateLimit("1/4s")
        void receive(String value) {
            records.add(value);
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            // Also called when the application stops.
        }

        @Override
        public void onPartitionsLost(Collection<TopicPartition> partitions) {
            LOST.incrementAndGet();
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            // The first records follow.
        }
    }

    @Test
    void consumerStaysInItsGroupDuringWaitsBeyondThePollInterval() throws Exception {
        KafkaBroker.createTopics(1, List.of("long-wait"));
        Records.send("long-wait", 1, Records.numbers(4));
        try (ApplicationContext context = application("long-wait")) {
            records.await(4);
            assertEquals(0, LOST.get());
            assertTrue(context.isRunning());
        }
        assertEquals(Records.numbers(4), records.received());
        assertTrue(records.seconds() >= 11.5, records.seconds() + " s");
    }

    @KafkaListener(groupId = "stop", offsetReset = OffsetReset.EARLIEST)
    @Requires(property = "spec.name", value = "stop")
    static class Stopped {

        @Topic("stop")
        @RateLimit("${stop.limit}")
        void receive(String value) {
            records.add(value);
        }
    }

    @KafkaListener(
            groupId = "stop-sync",
            offsetReset = OffsetReset.EARLIEST,
            offsetStrategy = OffsetStrategy.SYNC_PER_RECORD)
    @Requires(property = "spec.name", value = "stop-sync")
    static class StoppedSync {

        @Topic("stop-sync")
        @RateLimit("${stop.limit}")
        void receive(String value) {
            records.add(value);
        }
    }

    @Test
    void recordsThatWaitAtAStopAreReceivedAfterTheNextStart() throws Exception {
        for (String topic : List.of("stop", "stop-sync")) {
            records = new Records();
            KafkaBroker.createTopics(1, List.of(topic));
            Records.send(topic, 1, Records.numbers(10));
            long begun;
            try (ApplicationContext context = application(topic, "stop.limit", "3/h")) {
                records.await(3);
                // The fourth record waits for 20 minutes.
                Records.await(() -> isWaiting(context), () -> "nobody waits");
                begun = System.nanoTime();
            }
            Duration stop = Duration.ofNanos(System.nanoTime() - begun);
            assertTrue(stop.compareTo(Duration.ofSeconds(10)) < 0, "The stop took " + stop);
            assertEquals(Records.numbers(3), records.received());
            try (ApplicationContext context = application(topic, "stop.limit", "1000/s")) {
                records.await(10);
                assertTrue(context.isRunning());
            }
            assertEquals(Records.numbers(10), records.received(), topic);
        }
    }

    private static boolean isWaiting(ApplicationContext context) {
        return context.getBean(RateLimiter.class).stats().waiting() > 0;
    }

    @KafkaListener(groupId = "group", offsetReset = OffsetReset.EARLIEST)
    @Requires(property = "spec.name", value = "group")
    static class OfGroup {

        private final AtomicInteger received = new AtomicInteger();

        @Topic("group")
        @RateLimit("10/s")
        void receive(String value) {
            received.incrementAndGet();
            records.add(value);
        }
    }

    @Test
    void instancesOfAGroupShareTheLimitAndTakeOverWaitingRecords() throws Exception {
        KafkaBroker.createTopics(4, List.of("group"));
        List<String> sent = Records.numbers(60);
        Records.send("group", 4, sent);
        try (ApplicationContext first = application("group", "ratelimit.backend", "shared")) {
            records.await(10);
            try (ApplicationContext second = application("group", "ratelimit.backend", "shared")) {
                records.await(60);
                assertTrue(second.getBean(OfGroup.class).received.get() > 0, "the second instance got nothing");
                assertTrue(first.getBean(OfGroup.class).received.get() > 10, "the first instance got nothing");
            }
        }
        assertEquals(
                sent.stream().sorted().toList(),
                records.received().stream().sorted().toList());
        for (int partition = 0; partition < 4; partition++) {
            int part = partition;
            assertEquals(
                    IntStream.range(0, 60)
                            .filter(i -> i % 4 == part)
                            .mapToObj(i -> "m" + i)
                            .toList(),
                    records.received().stream()
                            .filter(value -> Integer.parseInt(value.substring(1)) % 4 == part)
                            .toList());
        }
        assertTrue(records.seconds() >= 4.5, records.seconds() + " s");
    }

    @KafkaListener(groupId = "outage", offsetReset = OffsetReset.EARLIEST)
    @Requires(property = "spec.name", value = "outage")
    static class DuringOutage {

        @Topic("outage")
        @RateLimit(value = "1000/s", onError = OnError.CLOSED)
        void receive(String value) {
            records.add(value);
        }
    }

    @Test
    void recordsWaitForTheEndOfAnOutageIfOnErrorIsClosed() throws Exception {
        KafkaBroker.createTopics(1, List.of("outage"));
        SharedStore.AVAILABLE.set(false);
        try (ApplicationContext context = application("outage", "ratelimit.backend", "shared")) {
            Records.send("outage", 1, Records.numbers(10));
            Records.await(() -> denials(context) >= 2, () -> "no denials");
            assertEquals(List.of(), records.received());
            SharedStore.AVAILABLE.set(true);
            records.await(10);
        }
        assertEquals(Records.numbers(10), records.received());
    }

    private static long denials(ApplicationContext context) {
        return context.getBean(DenialCount.class).denials.get();
    }

    @Singleton
    @Requires(property = "spec.name", value = "outage")
    static class DenialCount implements RateLimitListener {

        private final AtomicInteger denials = new AtomicInteger();

        @Override
        public void onBlock(RateLimitEvent event) {
            denials.incrementAndGet();
        }
    }

    @KafkaListener(groupId = "slots", offsetReset = OffsetReset.EARLIEST, threads = 3)
    @Requires(property = "spec.name", value = "slots")
    static class WithSlots {

        @Topic("slots")
        @RateLimit("1 concurrent")
        void receive(String value) throws InterruptedException {
            MOST_RUNNING.accumulateAndGet(RUNNING.incrementAndGet(), Math::max);
            Thread.sleep(30);
            RUNNING.decrementAndGet();
            records.add(value);
        }
    }

    @Test
    void recordsWaitForSlotsOfOtherThreads() throws Exception {
        KafkaBroker.createTopics(3, List.of("slots"));
        List<String> sent = Records.numbers(30);
        Records.send("slots", 3, sent);
        try (ApplicationContext context = application("slots")) {
            records.await(30);
            assertTrue(context.isRunning());
        }
        assertEquals(
                sent.stream().sorted().toList(),
                records.received().stream().sorted().toList());
        assertEquals(1, MOST_RUNNING.get());
    }

    @KafkaListener(groupId = "batch", offsetReset = OffsetReset.EARLIEST, batch = true)
    @Requires(property = "spec.name", value = "batch")
    static class Batches {

        private final List<Integer> sizes = new ArrayList<>();

        @Topic("batch")
        @RateLimit(value = "10/s", permits = "#{ values.size() }")
        void receive(List<String> values) {
            sizes.add(values.size());
            values.forEach(records::add);
        }
    }

    @Test
    void batchThatCostsMoreThanTheLimitGrantsIsSplit() throws Exception {
        KafkaBroker.createTopics(1, List.of("batch"));
        Records.send("batch", 1, Records.numbers(40));
        try (ApplicationContext context = application("batch")) {
            records.await(40);
            assertTrue(context.getBean(Batches.class).sizes.stream().allMatch(size -> size <= 10));
            assertTrue(context.getBean(Batches.class).sizes.stream().anyMatch(size -> size > 1));
        }
        assertEquals(Records.numbers(40), records.received());
        assertTrue(records.seconds() >= 2.5, records.seconds() + " s");
    }
}
