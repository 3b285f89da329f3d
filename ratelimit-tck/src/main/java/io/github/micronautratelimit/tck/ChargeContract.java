package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Charge;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Charges that are given back later, possibly by another instance. */
interface ChargeContract extends Contract {

    /** Random operations of every kind, with the answers of the exact model. */
    @Property(edgeCases = EdgeCasesMode.NONE)
    default void everyOperationDecidesLikeTheExactModel(@ForAll long seed) {
        try (TestCase testCase = newTestCase()) {
            if (!testCase.store.keepsReservations()) {
                return;
            }
            GoldenTrace trace = RandomTrace.of("seed " + seed, seed, testCase.clock.micros(), 40);
            testCase.clock.set(trace.rows().get(0).timeMicros());
            TraceReplay replay = new TraceReplay(
                    testCase.store.connect(testCase.clock),
                    testCase.clock,
                    TraceReplay.policyOf(testCase.policy(trace.limits()), trace.refundedAtExpiry()));
            for (GoldenTrace.Row row : trace.rows()) {
                assertEquals(
                        row.expected(),
                        replay.execute(row),
                        () -> "row " + row.line() + ": " + row.text() + " of\n" + trace.text());
            }
        }
    }

    /** A late refund takes no permits of others: a fixed window gives nothing back, a sliding one its own segment. */
    @ParameterizedTest
    @CsvSource({
        "10/min fixed, 43, 0",
        "10/min fixed, 42, 1",
        "10/min sliding, 61, 0",
        "10/min sliding, 59, 1",
        "10/min, 6, 0",
        "10/min; 10/min fixed, 43, 0"
    })
    default void lateRefundTakesNoPermitsOfOthers(String limits, long seconds, long free) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            Charge charge = charge(testCase.limiter, policy);
            testCase.clock.advance(Duration.ofSeconds(seconds));
            testCase.drain(policy, "key", 20);
            refund(testCase.caller(testCase.clock), charge);
            assertEquals(free, testCase.drain(policy, "key", 20));
        }
    }

    /**
     * Buckets in steady demand know that a charge still takes its permits, although as many have been refilled since.
     */
    @Test
    default void refundOnAContendedKeyGivesBackEverything() {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy("20/s");
            long granted = testCase.drain(policy, "key", 40);
            Deque<Charge> held = new ArrayDeque<>();
            long refunded = 0;
            for (int millis = 0; millis < 10_000; millis += 25) {
                testCase.clock.advance(Duration.ofMillis(25));
                if (held.size() == 4 || !held.isEmpty() && millis % 700 == 0) {
                    refund(testCase.limiter, held.removeFirst());
                    refunded++;
                }
                Decision decision = testCase.limiter.tryAcquire(policy, "key");
                if (decision.allowed() && granted % 2 == 0) {
                    held.addLast(testCase.limiter
                            .async()
                            .charge(new PermitRequest(policy, "key", 1), decision)
                            .orElseThrow());
                }
                granted += decision.allowed() ? 1 : 0;
                granted += testCase.drain(policy, "key", 40);
            }
            long givenBack = granted - 20 - 200;
            long most = refunded;
            assertTrue(givenBack <= most, () -> givenBack + " of " + most);
            assertTrue(refunded > 50 && givenBack >= 0.95 * refunded - 1, () -> givenBack + " of " + most);
        }
    }

    @Test
    default void chargeIsGivenBackOnce() {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy("10/h fixed");
            Charge charge = charge(testCase.limiter, policy);
            assertTrue(refund(testCase.limiter, charge));
            testCase.drain(policy, "key", 4);
            assertFalse(refund(testCase.limiter, charge));
            assertEquals(6, testCase.status(policy, "key").remaining());
        }
    }

    /** All callers give back everything at the same time: the key is as if nothing had been charged. */
    @Test
    default void concurrentRefundsAreExact() throws Exception {
        for (String limits : List.of("64/h", "64/h fixed", "64/h sliding", "64/h; 100/day fixed")) {
            try (TestCase testCase = newTestCase()) {
                Policy policy = testCase.policy(limits);
                List<RateLimiter> callers = testCase.callers(4);
                AtomicLong denied = new AtomicLong();
                long granted = ConcurrentCallers.granted(8, thread -> {
                    RateLimiter limiter = callers.get(thread % 4);
                    long mine = 0;
                    for (int i = 0; i < 20; i++) {
                        Decision decision = limiter.tryAcquire(policy, "key", 3);
                        mine += decision.allowed() ? 1 : 0;
                        denied.addAndGet(decision.allowed() ? 0 : 1);
                        limiter.async()
                                .charge(new PermitRequest(policy, "key", 3), decision)
                                .ifPresent(charge -> refund(limiter, charge));
                    }
                    return mine;
                });
                assertEquals(160, granted, "at most 24 of 64 permits are taken at the same time");
                assertEquals(64, testCase.status(policy, "key").remaining(), limits);
            }
        }
    }

    private static Charge charge(RateLimiter limiter, Policy policy) {
        Decision decision = limiter.tryAcquire(policy, "key");
        return limiter.async()
                .charge(new PermitRequest(policy, "key", 1), decision)
                .orElseThrow();
    }

    private static boolean refund(RateLimiter limiter, Charge charge) {
        return limiter.async().refund(charge).toCompletableFuture().join();
    }
}
