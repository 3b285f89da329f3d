package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Charges by outcome, and blocks after repeated denials, which the limiter makes of the operations of a backend. */
interface OutcomeContract extends Contract {

    int OK = 200;
    int UNAUTHORIZED = 401;

    long BLOCK_MICROS = Duration.ofHours(3).toMillis() * 1_000;

    /** A request that costs nothing is charged until its outcome is known; then all its permits are free again. */
    @AllLimitKinds
    default void outcomeThatCostsNothingGivesEverythingBack(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits).withChargeOn(List.of("401"));
            for (int i = 0; i < 5; i++) {
                Decisions decisions = request(testCase, policy, 60);
                assertTrue(decisions.allowed());
                assertEquals(40, testCase.status(policy, "key").remaining());
                assertEquals(100, apply(testCase, decisions, OK).list().get(0).remaining());
                FaultCase.await(
                        "the permits are given back",
                        () -> testCase.status(policy, "key").remaining() == 100);
            }
            Decisions charged = request(testCase, policy, 60);
            apply(testCase, charged, UNAUTHORIZED);
            assertEquals(40, testCase.status(policy, "key").remaining());
            Decisions denied = request(testCase, policy, 60);
            assertFalse(denied.allowed());
            apply(testCase, denied, OK);
            assertEquals(40, testCase.status(policy, "key").remaining(), "a denied request gives nothing back");
        }
    }

    private static Decisions request(TestCase testCase, Policy policy, long permits) {
        return testCase.limiter.tryAcquireAll(List.of(new PermitRequest(policy, "key", permits)));
    }

    private static Decisions apply(TestCase testCase, Decisions decisions, int status) {
        return testCase.limiter.async().applyOutcome(decisions, status, null);
    }

    /** Callers of several instances at the same time: the last of 40 denials blocks, whichever instance it is on. */
    @Test
    default void denialsOfAllInstancesBlockTheKey() throws Exception {
        try (TestCase testCase = newTestCase()) {
            assumeTrue(testCase.store.blocksKeys());
            Policy policy = testCase.policy("10/h fixed").withBlock("3h after 40 denials in 1min");
            List<RateLimiter> callers = testCase.callers(4);
            assertEquals(10, granted(callers, policy, 49));
            testCase.clock.advance(Duration.ofHours(1));
            assertEquals(10, granted(callers, policy, 50));
            long begun = testCase.clock.micros();
            FaultCase.await(
                    "the key is blocked",
                    () -> testCase.limiter.peek(policy, "key", 1).retryAfterMicros() == BLOCK_MICROS);
            assertEquals(10, testCase.drain(policy, "other", 20));
            testCase.clock.set(begun + BLOCK_MICROS - 1);
            assertEquals(0, granted(callers, policy, 100));
            testCase.clock.set(begun + BLOCK_MICROS);
            assertEquals(10, granted(callers, policy, 10), "denials of the block do not count");
        }
    }

    private static long granted(List<RateLimiter> callers, Policy policy, int requests) throws Exception {
        AtomicLong left = new AtomicLong(requests);
        return ConcurrentCallers.granted(8, thread -> {
            long granted = 0;
            while (left.getAndDecrement() > 0) {
                granted += callers.get(thread % 4).tryAcquire(policy, "key").allowed() ? 1 : 0;
            }
            return granted;
        });
    }
}
