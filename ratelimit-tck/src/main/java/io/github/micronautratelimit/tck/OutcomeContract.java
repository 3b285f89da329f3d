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
import java.util.stream.Stream;
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
            PendingCalls calls = new PendingCalls(testCase.store.connect(testCase.clock));
            RateLimiter limiter = RateLimiter.builder(calls).unguarded().build();
            List<PermitRequest> request = List.of(new PermitRequest(policy, "key", 60));
            for (int i = 0; i < 5; i++) {
                Decisions decisions = limiter.tryAcquireAll(request);
                assertTrue(decisions.allowed());
                assertEquals(40, testCase.status(policy, "key").remaining());
                Decisions after = limiter.async().applyOutcome(decisions, OK, null);
                assertEquals(100, after.list().get(0).remaining());
                calls.awaitNone();
                assertEquals(100, testCase.status(policy, "key").remaining());
            }
            limiter.async().applyOutcome(limiter.tryAcquireAll(request), UNAUTHORIZED, null);
            assertEquals(40, testCase.status(policy, "key").remaining());
            Decisions denied = limiter.tryAcquireAll(request);
            assertFalse(denied.allowed());
            limiter.async().applyOutcome(denied, OK, null);
            assertEquals(40, testCase.status(policy, "key").remaining(), "a denied request gives nothing back");
        }
    }

    /** Callers of several instances at the same time: the last of 40 denials blocks, whichever instance it is on. */
    @Test
    default void denialsOfAllInstancesBlockTheKey() throws Exception {
        try (TestCase testCase = newTestCase()) {
            assumeTrue(testCase.store.blocksKeys());
            Policy policy = testCase.policy("10/h fixed").withBlock("3h after 40 denials in 1min");
            List<PendingCalls> calls = Stream.generate(() -> new PendingCalls(testCase.store.connect(testCase.clock)))
                    .limit(4)
                    .toList();
            List<RateLimiter> callers = calls.stream()
                    .map(backend -> RateLimiter.builder(backend).unguarded().build())
                    .toList();
            assertEquals(10, granted(callers, policy, 49));
            calls.forEach(PendingCalls::awaitNone);
            testCase.clock.advance(Duration.ofHours(1));
            assertEquals(10, granted(callers, policy, 50));
            long begun = testCase.clock.micros();
            // Requests do not wait until denials are counted.
            calls.forEach(PendingCalls::awaitNone);
            assertEquals(BLOCK_MICROS, testCase.limiter.peek(policy, "key", 1).retryAfterMicros());
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
