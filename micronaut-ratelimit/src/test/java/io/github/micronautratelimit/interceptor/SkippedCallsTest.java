package io.github.micronautratelimit.interceptor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.github.micronautratelimit.Eventually;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.http.Log;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.event.ApplicationEventListener;
import io.micronaut.core.annotation.Order;
import io.micronaut.runtime.event.annotation.EventListener;
import io.micronaut.scheduling.annotation.Scheduled;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** Denied calls of the framework itself are skipped, and logged once per method. */
class SkippedCallsTest {

    private final Logger logger = (Logger) LoggerFactory.getLogger(SkippedCalls.class);

    @BeforeEach
    void logInfo() {
        logger.setLevel(Level.INFO);
    }

    @AfterEach
    void reset() {
        logger.setLevel(null);
    }

    @Test
    void deniedEventListenerIsSkippedAndLaterOnesAreCalled() {
        try (Log log = new Log();
                ApplicationContext context = ApplicationContext.run(Map.of("spec", "SkippedCallsTest"))) {
            for (int i = 0; i < 5; i++) {
                context.getEventPublisher(Ordered.class).publishEvent(new Ordered(i));
            }
            Counts counts = context.getBean(Counts.class);
            assertEquals(2, counts.annotated.get());
            assertEquals(3, counts.implemented.get());
            assertEquals(5, counts.last.get());
            List<String> lines = log.lines().stream()
                    .filter(line -> line.startsWith("Skipped a call of "))
                    .toList();
            assertEquals(2, lines.size(), lines::toString);
            assertThrows(
                    RateLimitExceededException.class,
                    () -> context.getBean(Annotated.class).on(new Ordered(6)),
                    "a caller in the application receives the denial");
        }
    }

    @Test
    void deniedScheduledMethodIsLoggedOnce() throws Exception {
        try (Log log = new Log();
                ApplicationContext context =
                        ApplicationContext.run(Map.of("spec", "SkippedCallsTest", "scheduled", "true"))) {
            Counts counts = context.getBean(Counts.class);
            Eventually.equal(true, () -> counts.unlimitedTicks.get() > 20);
            assertEquals(2, counts.ticks.get());
            Eventually.equal(true, () -> log.lines().stream()
                    .anyMatch(line -> line.startsWith("Skipped a call of " + Job.class.getName() + ".tick")));
            assertTrue(
                    log.lines().stream().noneMatch(line -> line.contains("Error invoking scheduled task")),
                    () -> log.lines().toString());
            assertThrows(
                    RateLimitExceededException.class,
                    () -> context.getBean(Job.class).tick(),
                    "a caller in the application receives the denial");
        }
    }

    record Ordered(int number) {}

    @Singleton
    @Requires(property = "spec", value = "SkippedCallsTest")
    static class Counts {

        final AtomicInteger annotated = new AtomicInteger();
        final AtomicInteger implemented = new AtomicInteger();
        final AtomicInteger last = new AtomicInteger();
        final AtomicInteger ticks = new AtomicInteger();
        final AtomicInteger unlimitedTicks = new AtomicInteger();
    }

    @Singleton
    @Requires(property = "spec", value = "SkippedCallsTest")
    static class Annotated {

        private final Counts counts;

        Annotated(Counts counts) {
            this.counts = counts;
        }

        @EventListener
        @Order(1)
        @RateLimit("2/h")
        void on(Ordered event) {
            counts.annotated.incrementAndGet();
        }

        @EventListener
        @Order(3)
        void last(Ordered event) {
            counts.last.incrementAndGet();
        }
    }

    @Singleton
    @Order(2)
    @Requires(property = "spec", value = "SkippedCallsTest")
    static class Implemented implements ApplicationEventListener<Ordered> {

        private final Counts counts;

        Implemented(Counts counts) {
            this.counts = counts;
        }

        @Override
        @RateLimit("3/h")
        public void onApplicationEvent(Ordered event) {
            counts.implemented.incrementAndGet();
        }
    }

    @Singleton
    @Requires(property = "spec", value = "SkippedCallsTest")
    @Requires(property = "scheduled")
    static class Job {

        private final Counts counts;

        Job(Counts counts) {
            this.counts = counts;
        }

        @Scheduled(fixedDelay = "1ms")
        @RateLimit("2/h")
        void tick() {
            counts.ticks.incrementAndGet();
        }

        @Scheduled(fixedDelay = "1ms")
        void unlimited() {
            counts.unlimitedTicks.incrementAndGet();
        }
    }
}
