package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A blocked key is denied every permit until the block ends. Otherwise its state is that of a key without the block.
 */
interface BlockContract extends Contract {

    /** Not a whole number of seconds, or of segments of a window. */
    long MICROS = 17_000_001;

    Duration FOR = Duration.of(MICROS, ChronoUnit.MICROS);

    private TestCase blocking() {
        TestCase testCase = newTestCase();
        if (!testCase.store.blocksKeys()) {
            testCase.close();
        }
        assumeTrue(testCase.store.blocksKeys());
        return testCase;
    }

    /**
     * Every limit denies any cost within the capacity and returns the rest of the block. At its end all permits are
     * free.
     */
    @AllLimitKinds
    default void blockedKeyIsDeniedUntilTheBlockEnds(String limits) {
        try (TestCase testCase = blocking()) {
            Policy policy = testCase.policy(limits);
            testCase.limiter.block(policy, "key", FOR);
            long begun = testCase.clock.micros();
            for (long passed : new long[] {0, 1, 12_345_678, MICROS - 1}) {
                testCase.clock.set(begun + passed);
                for (long permits : new long[] {1, 7, 100}) {
                    assertEquals(denied(MICROS - passed, policy), testCase.limiter.tryAcquire(policy, "key", permits));
                }
            }
            testCase.clock.set(begun + MICROS);
            assertEquals(testCase.status(policy, "new"), testCase.status(policy, "key"));
            assertEquals(100, testCase.drain(policy, "key", 200));
        }
    }

    /** Other keys, and the same key under other policies, are granted permits as usual. */
    @AllLimitKinds
    default void otherKeysAndPoliciesAreNotBlocked(String limits) {
        try (TestCase testCase = blocking()) {
            Policy policy = testCase.policy(limits);
            Policy other = testCase.policy(limits);
            testCase.limiter.tryAcquire(policy, "other", 40);
            testCase.limiter.block(policy, "key", FOR);
            assertEquals(60, testCase.drain(policy, "other", 200));
            assertEquals(100, testCase.drain(policy, "new", 200));
            assertEquals(100, testCase.drain(other, "key", 200));
        }
    }

    /** The block applies to the next request of every instance. */
    @AllLimitKinds
    default void blockAppliesToAllCallersAtOnce(String limits) {
        try (TestCase testCase = blocking()) {
            Policy policy = testCase.policy(limits);
            List<RateLimiter> callers = testCase.callers(3);
            callers.forEach(
                    caller -> assertTrue(caller.tryAcquire(policy, "key").allowed()));
            testCase.limiter.block(policy, "key", FOR);
            for (RateLimiter caller : callers) {
                assertFalse(caller.tryAcquire(policy, "key").allowed());
            }
        }
    }

    /** Requests that run at the same time as the block may be granted. Requests that start after it are denied. */
    @AllLimitKinds
    default void requestsAfterTheBlockAreDenied(String limits) {
        try (TestCase testCase = blocking()) {
            Policy policy = testCase.policy(limits);
            List<RateLimiter> callers = testCase.callers(4);
            AtomicBoolean blocked = new AtomicBoolean();
            AtomicLong late = new AtomicLong();
            long granted = ConcurrentCallers.granted(8, thread -> {
                RateLimiter caller = callers.get(thread % 4);
                if (thread == 0) {
                    caller.block(policy, "key", FOR);
                    blocked.set(true);
                    return 0;
                }
                long mine = 0;
                for (int i = 0; i < 30; i++) {
                    boolean afterwards = blocked.get();
                    boolean allowed = caller.tryAcquire(policy, "key").allowed();
                    mine += allowed ? 1 : 0;
                    late.addAndGet(allowed && afterwards ? 1 : 0);
                }
                return mine;
            });
            assertEquals(0, late.get());
            assertFalse(testCase.limiter.tryAcquire(policy, "key").allowed());
            assertTrue(testCase.limiter.tryAcquire(policy, "twin", granted).allowed());
            testCase.clock.advance(MICROS);
            assertEquals(testCase.status(policy, "twin"), testCase.status(policy, "key"));
        }
    }

    /**
     * During the block, times cover both the block and the refill. Afterwards the key equals a key without the block.
     */
    @Property(edgeCases = EdgeCasesMode.NONE)
    default void blockedKeyRefillsAsUsual(@ForAll(supplier = History.Forward.class) History history) {
        try (TestCase testCase = newTestCase()) {
            if (!testCase.store.blocksKeys()) {
                // A property fails if an assumption rejects all its tries.
                return;
            }
            Policy policy = testCase.policy(history.limits());
            long until = 0;
            for (History.Step step : history.steps()) {
                testCase.clock.advance(step.gapMicros());
                long left = until - testCase.clock.micros();
                if (left > 0) {
                    Decision twin = testCase.limiter.peek(policy, "twin", step.permits());
                    assertEquals(
                            blocked(twin, left, policy, step.permits()),
                            testCase.limiter.tryAcquire(policy, "key", step.permits()));
                } else {
                    assertEquals(
                            testCase.limiter.tryAcquire(policy, "twin", step.permits()),
                            testCase.limiter.tryAcquire(policy, "key", step.permits()));
                }
                if (step.permits() % 4 == 3) {
                    long micros = 1 + step.gapMicros() / 3 * step.permits();
                    testCase.limiter.block(policy, "key", Duration.of(micros, ChronoUnit.MICROS));
                    until = Math.max(until, testCase.clock.micros() + micros);
                }
            }
        }
    }

    private static Decision blocked(Decision twin, long left, Policy policy, long permits) {
        long reset = Math.max(left, twin.resetAfterMicros());
        if (permits == 0) {
            return new Decision.Allowed(0, reset, Decision.Source.STORE);
        }
        long retry = twin.retryAfterMicros() == LimitState.NEVER
                ? LimitState.NEVER
                : Math.max(left, twin.retryAfterMicros());
        return new Decision.Denied(0, retry, reset, policy.rateLimits(), Decision.Source.STORE);
    }

    /** An impossible request stays impossible, 0 permits are granted, and a peek equals the decision. */
    @AllLimitKinds
    default void decisionsDuringABlockAreExact(String limits) {
        try (TestCase testCase = blocking()) {
            Policy policy = testCase.policy(limits);
            testCase.limiter.block(policy, "key", FOR);
            assertEquals(
                    new Decision.Denied(0, LimitState.NEVER, MICROS, policy.rateLimits(), Decision.Source.STORE),
                    testCase.limiter.tryAcquire(policy, "key", 5_001));
            assertEquals(
                    new Decision.Allowed(0, MICROS, Decision.Source.STORE),
                    testCase.limiter.tryAcquire(policy, "key", 0));
            assertEquals(new Decision.Allowed(0, MICROS, Decision.Source.STORE), testCase.status(policy, "key"));
            for (long permits : new long[] {1, 100}) {
                assertEquals(denied(MICROS, policy), testCase.limiter.peek(policy, "key", permits));
            }
            List<Decision> decisions = testCase.store
                    .connect(testCase.clock)
                    .acquireBatch(policy, "key", List.of(1L, 0L, 100L))
                    .toCompletableFuture()
                    .join();
            assertEquals(
                    List.of(
                            denied(MICROS, policy),
                            new Decision.Allowed(0, MICROS, Decision.Source.STORE),
                            denied(MICROS, policy)),
                    decisions);
        }
    }

    /** Permits refunded during a block are free after the block, not before. */
    @AllLimitKinds
    default void refundDoesNotLiftABlock(String limits) {
        try (TestCase testCase = blocking()) {
            Policy policy = testCase.policy(limits);
            testCase.limiter.tryAcquire(policy, "key", 100);
            testCase.limiter.tryAcquire(policy, "twin", 100);
            testCase.limiter.block(policy, "key", FOR);
            testCase.limiter.refund(policy, "key", 40);
            testCase.limiter.refund(policy, "twin", 40);
            assertEquals(0, testCase.status(policy, "key").remaining());
            assertEquals(MICROS, testCase.limiter.tryAcquire(policy, "key").retryAfterMicros());
            testCase.clock.advance(MICROS);
            assertEquals(testCase.status(policy, "twin"), testCase.status(policy, "key"));
        }
    }

    /** A reset also removes the block. */
    @AllLimitKinds
    default void resetLiftsABlock(String limits) {
        try (TestCase testCase = blocking()) {
            Policy policy = testCase.policy(limits);
            testCase.limiter.tryAcquire(policy, "key", 30);
            testCase.limiter.block(policy, "key", FOR);
            testCase.limiter.reset(policy, "key");
            assertEquals(testCase.status(policy, "new"), testCase.status(policy, "key"));
            assertEquals(100, testCase.drain(policy, "key", 200));
        }
    }

    /** If there are several blocks, the latest end counts, in any order. */
    @Test
    default void latestEndOfSeveralBlocksCounts() {
        try (TestCase testCase = blocking()) {
            Policy policy = testCase.policy("100/min");
            for (List<Integer> order : List.of(List.of(5, 9), List.of(9, 5))) {
                String key = "key " + order;
                order.forEach(seconds -> testCase.limiter.block(policy, key, Duration.ofSeconds(seconds)));
                assertEquals(denied(9_000_000, policy), testCase.limiter.tryAcquire(policy, key));
            }
            testCase.limiter.block(policy, "long", Limit.MAX_PERIOD);
            assertEquals(denied(366L * 86_400_000_000L, policy), testCase.limiter.tryAcquire(policy, "long"));
        }
    }

    /** The block and the spent permits survive changes of numbers, algorithms and the number of limits. */
    @ParameterizedTest(name = "{0} -> {1}: {2} are free afterwards")
    @CsvSource({
        "100/day, 200/day, 170",
        "100/day, 100/day sliding, 100",
        "100/day sliding, 50/day sliding, 20",
        "100/day fixed, 90/day, 90",
        "100/day fixed, 300/day fixed; 100/h, 100",
        "100/day fixed; 100/h sliding, 40/day fixed, 10",
        "1000/s burst 100; 100/day fixed, 50/s; 100/day fixed; 100/day sliding, 50"
    })
    default void blockSurvivesAChangeOfLimits(String before, String after, long free) {
        try (TestCase testCase = blocking()) {
            Policy policy = testCase.policy(before);
            Policy changed = TestCase.changed(policy, after);
            testCase.limiter.tryAcquire(policy, "key", 30);
            testCase.limiter.tryAcquire(policy, "twin", 30);
            testCase.limiter.block(policy, "key", Duration.ofSeconds(2));
            testCase.limiter.block(policy, "new", Duration.ofSeconds(2));
            for (String key : List.of("key", "new")) {
                assertEquals(
                        2_000_000, testCase.limiter.tryAcquire(changed, key).retryAfterMicros());
                assertEquals(
                        changed.rateLimits(),
                        testCase.limiter.tryAcquire(changed, key).deniedBy());
                testCase.limiter.refund(changed, key, 0);
                testCase.limiter.block(changed, key, Duration.ofSeconds(1));
                assertEquals(2_000_000, testCase.limiter.tryAcquire(policy, key).retryAfterMicros());
            }
            testCase.clock.advance(2_000_000);
            assertEquals(testCase.status(changed, "twin"), testCase.status(changed, "key"));
            assertEquals(free, testCase.status(changed, "key").remaining());
            assertEquals(changed.capacity(), testCase.status(changed, "new").remaining());
        }
    }

    /** If one key of a call is blocked, the other keys are not charged. */
    @AllLimitKinds
    default void blockedKeyChargesNoOtherPolicy(String limits) {
        try (TestCase testCase = blocking()) {
            Policy policy = testCase.policy(limits);
            Policy other = testCase.policy("50/min");
            testCase.limiter.block(policy, "key", FOR);
            PermitRequest blocked = new PermitRequest(policy, "key", 1);
            PermitRequest open = new PermitRequest(other, "key", 1);
            for (List<PermitRequest> requests : List.of(List.of(open, blocked), List.of(blocked, open))) {
                Decisions decisions = testCase.limiter.tryAcquireAll(requests);
                assertFalse(decisions.allowed());
                assertEquals(MICROS, decisions.retryAfterMicros());
            }
            assertEquals(50, testCase.status(other, "key").remaining());
            assertTrue(testCase.limiter
                    .tryAcquireAll(List.of(open, new PermitRequest(policy, "key", 0)))
                    .allowed());
            assertEquals(49, testCase.status(other, "key").remaining());
            testCase.clock.advance(MICROS);
            assertTrue(testCase.limiter.tryAcquireAll(List.of(open, blocked)).allowed());
            assertEquals(99, testCase.status(policy, "key").remaining());
        }
    }

    /** The store removes a block by itself after its end. */
    @ParameterizedTest
    @ValueSource(strings = {"50/s", "50/s; 60/s sliding; 70/s fixed"})
    default void endedBlocksAreRemoved(String limits) {
        try (TestCase testCase = blocking()) {
            Policy policy = testCase.policy(limits);
            long before = testCase.store.liveKeys();
            for (int i = 0; i < 200; i++) {
                testCase.limiter.block(policy, "key " + i, Duration.ofSeconds(5));
            }
            long most = testCase.store.liveKeys();
            assertTrue(most >= before + 200, () -> "The store contains " + most + " keys; 200 are blocked.");
            testCase.store.letPass(testCase.clock, Duration.ofSeconds(2));
            long during = testCase.store.liveKeys();
            assertTrue(during >= 200, () -> "The store contains " + during + " keys; 200 are still blocked.");
            assertFalse(testCase.limiter.tryAcquire(policy, "key 199").allowed());
            testCase.store.letPass(testCase.clock, Duration.ofSeconds(4));
            for (int i = 0; i < 50; i++) {
                testCase.limiter.tryAcquire(policy, "passing");
                testCase.store.letPass(testCase.clock, Duration.ofMillis(20));
            }
            long after = testCase.store.liveKeys();
            assertTrue(
                    after <= before + 1,
                    () -> "The store contains " + after + " keys; there were " + before + " before.");
        }
    }

    /** A duration out of range is rejected before the store is called. */
    @ParameterizedTest
    @ValueSource(strings = {"PT0S", "PT-1S", "PT0.000000999S", "P366DT0.000001S", "P99999D"})
    default void durationOutOfRangeIsRejected(Duration duration) {
        try (TestCase testCase = blocking()) {
            Policy policy = testCase.policy("100/min");
            assertThrows(IllegalArgumentException.class, () -> testCase.limiter.block(policy, "key", duration));
            assertEquals(100, testCase.drain(policy, "key", 200));
        }
    }

    /** A backend that cannot block keys fails the call and changes nothing. */
    @Test
    default void unsupportedBlockFailsAndChangesNothing() {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy("100/min");
            if (testCase.store.blocksKeys()) {
                testCase.limiter.block(policy, "key", FOR);
                assertEquals(0, testCase.drain(policy, "key", 200));
            } else {
                assertThrows(NonRetryableStoreException.class, () -> testCase.limiter.block(policy, "key", FOR));
                assertEquals(100, testCase.drain(policy, "key", 200));
            }
        }
    }

    private static Decision denied(long left, Policy policy) {
        return new Decision.Denied(0, left, left, policy.rateLimits(), Decision.Source.STORE);
    }
}
