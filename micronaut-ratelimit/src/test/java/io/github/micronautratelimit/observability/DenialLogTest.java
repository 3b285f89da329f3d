package io.github.micronautratelimit.observability;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.tck.VirtualClock;
import io.micronaut.context.ApplicationContext;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class DenialLogTest {

    private static final Policy ONE = Policy.of("one", "1/day");
    private static final Policy OTHER = Policy.of("two", "2/day");

    private final Logger logger = (Logger) LoggerFactory.getLogger("io.github.micronautratelimit.denials");
    private final ListAppender<ILoggingEvent> lines = new ListAppender<>();

    @BeforeEach
    void listen() {
        lines.start();
        logger.setLevel(Level.INFO);
        logger.addAppender(lines);
    }

    @AfterEach
    void stop() {
        logger.detachAppender(lines);
        logger.setLevel(null);
    }

    private static ApplicationContext start(String... settings) {
        Map<String, Object> all = new HashMap<>();
        for (int i = 0; i < settings.length; i += 2) {
            all.put(settings[i], settings[i + 1]);
        }
        return ApplicationContext.run(all, "test");
    }

    /** The test clock can skip the interval of an hour; the scheduler never reaches its end. */
    private static ApplicationContext logging() {
        return start("ratelimit.log-denials.enabled", "true", "ratelimit.log-denials.interval", "1h");
    }

    private static Map<String, String> values(ILoggingEvent line) {
        return line.getKeyValuePairs().stream()
                .collect(Collectors.toMap(pair -> pair.key, pair -> String.valueOf(pair.value)));
    }

    private List<String> messages() {
        return List.copyOf(lines.list).stream()
                .map(ILoggingEvent::getFormattedMessage)
                .toList();
    }

    private static void deny(RateLimiter limiter, Policy policy, int times) {
        for (int i = 0; i < times; i++) {
            assertFalse(limiter.tryAcquire(policy, "ann@example.org", 3).allowed());
        }
    }

    @Test
    void aDenialIsOneLineWithItsValuesAndWithoutTheKey() {
        try (ApplicationContext context = logging()) {
            RateLimiter limiter = context.getBean(RateLimiter.class);
            assertTrue(limiter.tryAcquire(ONE, "ann@example.org").allowed());
            assertFalse(limiter.tryAcquire(ONE, "ann@example.org").allowed());
            assertEquals(1, lines.list.size());
            ILoggingEvent line = lines.list.get(0);
            assertEquals(Level.INFO, line.getLevel());
            assertEquals(
                    Map.of(
                            "policy",
                            "one",
                            "keyHash",
                            KeyHash.of("ann@example.org"),
                            "permits",
                            "1",
                            "origin",
                            "CODE",
                            "source",
                            "STORE",
                            "retryAfterMicros",
                            "86400000000",
                            "more",
                            "0"),
                    values(line));
            assertEquals(
                    "Denied under the policy \"one\" (CODE by STORE), key " + KeyHash.of("ann@example.org") + ".",
                    line.getFormattedMessage());
        }
    }

    @Test
    void anAttackIsOneLineAndThenACountPerInterval() {
        try (ApplicationContext context = logging()) {
            RateLimiter limiter = context.getBean(RateLimiter.class);
            VirtualClock clock = context.getBean(VirtualClock.class);
            DenialLog log = context.getBean(DenialLog.class);
            deny(limiter, ONE, 1000);
            deny(limiter, OTHER, 1);
            log.summarize();
            assertEquals(
                    List.of("one", "two"),
                    lines.list.stream().map(line -> values(line).get("policy")).toList(),
                    "the first denial of each policy");

            clock.advance(Duration.ofHours(1));
            log.summarize();
            deny(limiter, ONE, 50);
            log.summarize();
            assertEquals(
                    List.of("Denied 999 more under the policy \"one\"."),
                    messages().subList(2, messages().size()));
            assertEquals(Map.of("policy", "one", "more", "999"), values(lines.list.get(2)));

            clock.advance(Duration.ofHours(1));
            deny(limiter, ONE, 2);
            assertEquals("50", values(lines.list.get(3)).get("more"), "the next line contains the count");
            clock.advance(Duration.ofHours(2));
            log.summarize();
            clock.advance(Duration.ofHours(1));
            log.summarize();
            assertEquals(
                    List.of("Denied 1 more under the policy \"one\"."),
                    messages().subList(4, messages().size()));
        }
    }

    @Test
    void nothingIsLoggedUnlessEnabled() {
        try (ApplicationContext context = start()) {
            deny(context.getBean(RateLimiter.class), ONE, 5);
        }
        logger.setLevel(Level.WARN);
        try (ApplicationContext context = logging()) {
            deny(context.getBean(RateLimiter.class), ONE, 5);
            logger.setLevel(Level.INFO);
            deny(context.getBean(RateLimiter.class), ONE, 1);
            assertEquals(
                    List.of("0"),
                    lines.list.stream().map(line -> values(line).get("more")).toList());
        }
    }

    @Test
    void anIntervalThatIsTooShortFailsStartUp() {
        Exception failure = assertThrows(RuntimeException.class, () -> start(
                        "ratelimit.log-denials.enabled", "true", "ratelimit.log-denials.interval", "1ms")
                .close());
        assertTrue(
                failure.getMessage()
                        .contains("ratelimit.log-denials.interval = \"PT0.001S\": the interval must be 100ms or more; "
                                + "write a duration such as 10s."),
                failure::getMessage);
    }
}
