package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.memory.MemoryBackend;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** The permits of each limit that a key has used. */
interface UsageContract extends Contract {

    private TestCase newUsageCase() {
        TestCase testCase = newTestCase();
        if (!testCase.store.readsUsage()) {
            testCase.close();
        }
        assumeTrue(testCase.store.readsUsage());
        return testCase;
    }

    private static List<Long> used(TestCase testCase, Policy policy) {
        return testCase.limiter.usage(policy, "key").stream()
                .map(Limit.Usage::used)
                .toList();
    }

    /** The usage is that of the core after any history, for another instance too. */
    @Property(edgeCases = EdgeCasesMode.NONE, tries = 100)
    default void usageIsThatOfTheMemoryBackend(@ForAll(supplier = History.Wavering.class) History history) {
        try (TestCase testCase = newTestCase()) {
            if (!testCase.store.readsUsage()) {
                return;
            }
            Policy policy = testCase.policy(history.limits());
            MemoryBackend memory = new MemoryBackend(testCase.clock, 1_000);
            for (History.Step step : history.steps()) {
                testCase.advance(step.gapMicros(), policy, "key");
                testCase.limiter.tryAcquire(policy, "key", step.permits());
                memory.acquire(policy, "key", step.permits()).join();
                if (step.permits() % 4 == 3) {
                    memory.refund(policy, "key", 2, LimitState.LATEST).join();
                    testCase.limiter.refund(policy, "key", 2);
                }
                assertEquals(memory.usage(policy, "key").join(), testCase.limiter.usage(policy, "key"));
            }
        }
    }

    @Test
    default void usageNamesEachLimitAndWhenItResets() {
        try (TestCase testCase = newUsageCase()) {
            Policy policy = testCase.policy("1000/month Europe/Berlin; 100/day fixed; 60/min; 50/h sliding");
            List<Limit> limits = policy.rateLimits();
            testCase.limiter.tryAcquire(policy, "key", 12);
            assertEquals(
                    List.of(
                            new Limit.Usage(limits.get(0), 12, 988, Instant.parse("2026-09-30T22:00:00Z"), false),
                            new Limit.Usage(limits.get(1), 12, 88, Instant.parse("2026-09-15T00:00:00Z"), false),
                            new Limit.Usage(limits.get(2), 12, 48, Instant.parse("2026-09-14T10:20:29.300123Z"), false),
                            new Limit.Usage(limits.get(3), 12, 38, Instant.parse("2026-09-14T11:20:37.500Z"), false)),
                    testCase.caller(testCase.clock).usage(policy, "key"));
            testCase.clock.advance(Duration.ofMinutes(2));
            assertEquals(List.of(12L, 12L, 0L, 12L), used(testCase, policy));
        }
    }

    /** Reading takes one call, no permits, and leaves no key behind. */
    @Test
    default void usageIsReadInOneCall() {
        try (TestCase testCase = newUsageCase()) {
            Policy policy = testCase.policy("1000/month; 100/day UTC; 60/min");
            testCase.limiter.tryAcquire(policy, "key", 3);
            long keys = testCase.store.liveKeys();
            for (String key : List.of("key", "new")) {
                long before = testCase.store.roundTrips();
                testCase.limiter.usage(policy, key);
                assertEquals(before + testCase.store.roundTripsPerDecision(), testCase.store.roundTrips(), key);
            }
            assertEquals(keys, testCase.store.liveKeys());
            assertEquals(List.of(3L, 3L, 3L), used(testCase, policy));
            assertEquals(
                    List.of(0L, 0L, 0L),
                    testCase.limiter.usage(policy, "new").stream()
                            .map(Limit.Usage::used)
                            .toList());
        }
    }

    /** A reservation counts with its estimate until it is settled; a debt is more than the limit. */
    @Test
    default void debtIsUsageBeyondTheLimit() {
        try (TestCase testCase = newUsageCase()) {
            assumeTrue(testCase.store.keepsReservations());
            Policy policy = testCase.policy("100/month; 100/h sliding; 100/day");
            Reservation reservation = testCase.limiter
                    .async()
                    .reserve(policy, "key", 40, Duration.ofMinutes(1))
                    .toCompletableFuture()
                    .join();
            assertEquals(List.of(40L, 40L, 40L), used(testCase, policy));
            reservation.settle(130).toCompletableFuture().join();
            assertEquals(List.of(130L, 130L, 130L), used(testCase, policy));
            assertEquals(
                    List.of(0L, 0L, 0L),
                    testCase.limiter.usage(policy, "key").stream()
                            .map(Limit.Usage::remaining)
                            .toList());
        }
    }

    /** A block is not a use, and a lowered limit shows what was spent under the higher one. */
    @Test
    default void blocksAndLoweredLimitsChangeNoUsage() {
        try (TestCase testCase = newUsageCase()) {
            assumeTrue(testCase.store.blocksKeys());
            Policy policy = testCase.policy("100/month; 100/day");
            testCase.limiter.tryAcquire(policy, "key", 30);
            testCase.limiter.block(policy, "key", Duration.ofHours(1));
            assertEquals(List.of(30L, 30L), used(testCase, policy));
            assertEquals(70, testCase.limiter.usage(policy, "key").get(0).remaining());
            Policy lowered = TestCase.changed(policy, "20/month; 100/day");
            Limit.Usage usage = testCase.limiter.usage(lowered, "key").get(0);
            assertEquals(List.of(30L, 0L), List.of(usage.used(), usage.remaining()));
        }
    }
}
