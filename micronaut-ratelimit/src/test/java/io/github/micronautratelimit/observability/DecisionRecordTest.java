package io.github.micronautratelimit.observability;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitEvent;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.tck.VirtualClock;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.annotation.Order;
import io.micronaut.core.order.Ordered;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DecisionRecordTest {

    private static final Policy TWO = Policy.of("two", "2/day");
    private static final Policy MANY = Policy.of("many", "1000000/day");

    @TempDir
    private Path folder;

    private Path file() {
        return folder.resolve("decisions.jsonl");
    }

    private ApplicationContext start(String... settings) {
        Map<String, Object> all = new HashMap<>();
        all.put("ratelimit.record.path", file().toString());
        all.put("test.decisions.counted", "true");
        for (int i = 0; i < settings.length; i += 2) {
            all.put(settings[i], settings[i + 1]);
        }
        return ApplicationContext.run(all, "test");
    }

    /** Counts events on the thread of the listeners, after the record has received them. */
    @Singleton
    @Order(Ordered.LOWEST_PRECEDENCE)
    @Requires(property = "test.decisions.counted")
    static final class Counter implements RateLimitListener {

        private final AtomicLong events = new AtomicLong();

        @Override
        public void onAllow(RateLimitEvent event) {
            events.incrementAndGet();
        }

        @Override
        public void onBlock(RateLimitEvent event) {
            events.incrementAndGet();
        }
    }

    private static void await(ApplicationContext application, long events) {
        AtomicLong received = application.getBean(Counter.class).events;
        assertTimeoutPreemptively(Duration.ofSeconds(60), () -> {
            while (received.get() < events) {
                Thread.onSpinWait();
            }
        });
    }

    @Test
    void recordContainsTimePolicyHashAndOutcome() throws IOException {
        long start;
        try (ApplicationContext application = start()) {
            VirtualClock clock = application.getBean(VirtualClock.class);
            start = clock.micros();
            RateLimiter limiter = application.getBean(RateLimiter.class);
            limiter.tryAcquire(TWO, "ann@example.org", 2);
            clock.advance(7);
            limiter.tryAcquire(MANY, "bob", 5);
            await(application, 2);
        }
        String ann = KeyHash.of("ann@example.org");
        assertEquals(
                List.of(
                        "{\"t\":" + start + ",\"policy\":\"two\",\"key\":\"" + ann
                                + "\",\"permits\":2,\"outcome\":\"allowed\"}",
                        "{\"t\":" + (start + 7) + ",\"policy\":\"many\",\"key\":\"" + KeyHash.of("bob")
                                + "\",\"permits\":5,\"outcome\":\"allowed\"}"),
                Files.readAllLines(file()));
        try (ApplicationContext application = start()) {
            RateLimiter limiter = application.getBean(RateLimiter.class);
            limiter.tryAcquire(TWO, "ann@example.org", 3);
            await(application, 1);
        }
        List<String> lines = Files.readAllLines(file());
        assertEquals(3, lines.size());
        assertTrue(lines.get(2).endsWith(ann + "\",\"permits\":3,\"outcome\":\"denied\"}"), lines.get(2));
    }

    @Test
    void sampleContainsAllDecisionsOfAShareOfTheKeys() throws IOException {
        try (ApplicationContext application = start("ratelimit.record.sample", "0.25")) {
            RateLimiter limiter = application.getBean(RateLimiter.class);
            for (int round = 0; round < 3; round++) {
                for (int key = 0; key < 400; key++) {
                    limiter.tryAcquire(MANY, "key " + key);
                }
                await(application, 400L * (round + 1));
            }
        }
        List<String> lines = Files.readAllLines(file());
        Set<String> keys = new HashSet<>();
        lines.forEach(line -> keys.add(line.replaceAll(".*\"key\":\"(\\w+)\".*", "$1")));
        assertEquals(100, keys.size(), 30);
        assertEquals(3 * keys.size(), lines.size());
    }

    @Test
    void fullFileIsRenamed() throws IOException {
        try (ApplicationContext application = start("ratelimit.record.max-megabytes", "1")) {
            RateLimiter limiter = application.getBean(RateLimiter.class);
            for (int i = 1; i <= 8_000; i++) {
                limiter.tryAcquire(MANY, "bob");
                if (i % 200 == 0) {
                    await(application, i);
                }
            }
        }
        assertTrue(Files.size(file()) <= 1_000_000);
        long renamed = Files.size(folder.resolve("decisions.jsonl.1"));
        assertTrue(renamed <= 1_000_000 && renamed > 900_000, () -> renamed + " bytes");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "ratelimit.record.path | /no/such/folder/x | ratelimit.record.path = \"/no/such/folder/x\" cannot be written;"
                        + " write a path in a folder that exists and is writable.",
                "ratelimit.record.sample | 0 | ratelimit.record.sample = \"0.0\": the share of keys must be more than 0 and at"
                        + " most 1; write a number such as 0.1.",
                "ratelimit.record.max-megabytes | 0 | ratelimit.record.max-megabytes = \"0\": the maximum size must be 1 or"
                        + " more; write a number of megabytes such as 1000.",
            })
    void invalidSettingFailsTheStart(String setting, String value, String sentence) {
        Throwable failure = assertThrows(RuntimeException.class, () -> start(setting, value));
        StringBuilder messages = new StringBuilder();
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            messages.append(cause.getMessage()).append('\n');
        }
        assertTrue(messages.toString().contains(sentence), messages::toString);
    }
}
