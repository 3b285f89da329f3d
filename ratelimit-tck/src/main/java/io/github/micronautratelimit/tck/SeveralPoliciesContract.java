package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.limit.LimitState;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Requests under several policies: either all are granted and charged, or none is charged. */
interface SeveralPoliciesContract extends Contract {

    /** If one policy denies, no other is charged, in any order of the requests. */
    @AllLimitKinds
    default void deniedRequestChargesNoPolicy(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy wide = testCase.policy(limits);
            Policy narrow = testCase.policy("5/min");
            PermitRequest a = new PermitRequest(wide, "key", 2);
            PermitRequest b = new PermitRequest(narrow, "key", 1);
            for (int i = 0; i < 20; i++) {
                Decisions decisions = testCase.limiter.tryAcquireAll(i % 2 == 0 ? List.of(a, b) : List.of(b, a));
                assertEquals(i < 5, decisions.allowed(), "request " + i);
                if (i < 5) {
                    assertEquals(98 - 2 * i, decisions.list().get(i % 2).remaining());
                    assertEquals(4 - i, decisions.list().get(1 - i % 2).remaining());
                } else {
                    assertEquals(12_000_000, decisions.retryAfterMicros());
                }
            }
            testCase.limiter.tryAcquire(wide, "twin", 10);
            assertEquals(testCase.status(wide, "twin"), testCase.status(wide, "key"));
            assertEquals(0, testCase.status(narrow, "key").remaining());
        }
    }

    /**
     * A call has one decision per request, in the same order. After a denial, a request that was not denied itself is
     * either allowed, or skipped without a claim about its key. In both cases nothing is charged.
     */
    @AllLimitKinds
    default void everyRequestHasADecision(String limits) {
        try (TestCase testCase = newTestCase()) {
            RateLimitBackend backend = testCase.store.connect(testCase.clock);
            List<Policy> policies = List.of(testCase.policy(limits), testCase.policy(limits), testCase.policy(limits));
            for (int denied = 0; denied < policies.size(); denied++) {
                String key = "key " + denied;
                List<PermitRequest> requests = policies.stream()
                        .map(policy -> new PermitRequest(policy, key, 1))
                        .toList();
                List<Decision> granted = acquireAll(backend, requests);
                assertEquals(
                        List.of(99L, 99L, 99L),
                        granted.stream().map(Decision::remaining).toList());
                assertTrue(granted.stream().allMatch(Decision.Allowed.class::isInstance));
                assertTrue(testCase.limiter
                        .tryAcquire(policies.get(denied), key, 99)
                        .allowed());
                List<Decision> decisions = acquireAll(backend, requests);
                assertEquals(3, decisions.size());
                for (int i = 0; i < decisions.size(); i++) {
                    Decision decision = decisions.get(i);
                    if (i == denied) {
                        assertInstanceOf(Decision.Denied.class, decision);
                    } else if (decision instanceof Decision.Skipped) {
                        assertEquals(new Decision.Skipped(Decision.Source.STORE), decision);
                    } else {
                        assertInstanceOf(Decision.Allowed.class, decision);
                    }
                    assertEquals(
                            i == denied ? 0 : 99,
                            testCase.status(policies.get(i), key).remaining());
                }
            }
        }
    }

    /** A call without requests has no decisions. */
    @Test
    default void noRequestsHaveNoDecisions() {
        try (TestCase testCase = newTestCase()) {
            assertEquals(List.of(), acquireAll(testCase.store.connect(testCase.clock), List.of()));
        }
    }

    private static List<Decision> acquireAll(RateLimitBackend backend, List<PermitRequest> requests) {
        return backend.acquireAll(requests).toCompletableFuture().join();
    }

    /** Requests may have the same policy and different keys. */
    @Test
    default void oneCallMayNameSeveralKeysOfAPolicy() {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy("10/min sliding");
            testCase.limiter.tryAcquire(policy, "b", 8);
            List<PermitRequest> requests = List.of(
                    new PermitRequest(policy, "a", 2),
                    new PermitRequest(policy, "b", 2),
                    new PermitRequest(policy, "c", 2));
            assertTrue(testCase.limiter.tryAcquireAll(requests).allowed());
            assertFalse(testCase.limiter.tryAcquireAll(requests).allowed());
            assertEquals(8, testCase.status(policy, "a").remaining());
            assertEquals(0, testCase.status(policy, "b").remaining());
            assertEquals(8, testCase.status(policy, "c").remaining());
        }
    }

    /** Two requests with the same policy and key are both charged, or the call is denied. */
    @AllLimitKinds
    default void duplicateRequestIsChargedTwice(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            Policy other = testCase.policy("1000/min");
            PermitRequest twice = new PermitRequest(policy, "key", 40);
            List<PermitRequest> requests = List.of(twice, new PermitRequest(other, "key", 1), twice);
            assertTrue(testCase.limiter.tryAcquireAll(requests).allowed());
            assertEquals(20, testCase.status(policy, "key").remaining());
            assertFalse(testCase.limiter.tryAcquireAll(requests).allowed());
            List<PermitRequest> tooMany =
                    List.of(new PermitRequest(policy, "new", 51), new PermitRequest(policy, "new", 50));
            assertFalse(testCase.limiter.tryAcquireAll(tooMany).allowed());
            assertEquals(20, testCase.status(policy, "key").remaining());
            assertEquals(999, testCase.status(other, "key").remaining());
            assertEquals(100, testCase.status(policy, "new").remaining());
        }
    }

    /** A request for 0 permits neither denies nor costs anything. */
    @Test
    default void requestForZeroPermitsCostsNothing() {
        try (TestCase testCase = newTestCase()) {
            Policy spent = testCase.policy("5/min");
            Policy other = testCase.policy("5/min fixed");
            testCase.limiter.tryAcquire(spent, "key", 5);
            List<PermitRequest> requests = List.of(
                    new PermitRequest(spent, "key", 0),
                    new PermitRequest(other, "key", 2),
                    new PermitRequest(other, "new", 0));
            assertTrue(testCase.limiter.tryAcquireAll(requests).allowed());
            assertEquals(0, testCase.status(spent, "key").remaining());
            assertEquals(3, testCase.status(other, "key").remaining());
            assertEquals(5, testCase.status(other, "new").remaining());
        }
    }

    /** If one request can never pass, the call can never pass. */
    @Test
    default void impossibleRequestNeverPasses() {
        try (TestCase testCase = newTestCase()) {
            Policy small = testCase.policy("5/min");
            Policy large = testCase.policy("100/min");
            Decisions decisions = testCase.limiter.tryAcquireAll(
                    List.of(new PermitRequest(large, "key", 6), new PermitRequest(small, "key", 6)));
            assertFalse(decisions.allowed());
            assertEquals(LimitState.NEVER, decisions.retryAfterMicros());
            assertEquals(100, testCase.status(large, "key").remaining());
        }
    }

    /**
     * Some callers use a wide and a narrow policy, others only the wide one. The wide policy is charged for grants
     * only. If several keys are one atomic step, a denied request never causes the denial of another one.
     */
    @AllLimitKinds
    default void concurrentDeniedRequestsChargeNoPolicy(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy wide = testCase.policy(limits);
            Policy narrow = testCase.policy("10/min");
            List<RateLimiter> callers = testCase.callers(4);
            AtomicLong both = new AtomicLong();
            long alone = ConcurrentCallers.granted(32, thread -> {
                RateLimiter caller = callers.get(thread % 4);
                long mine = 0;
                for (int i = 0; i < 30; i++) {
                    if (thread < 16) {
                        PermitRequest a = new PermitRequest(wide, "key", 1);
                        PermitRequest b = new PermitRequest(narrow, "key", 1);
                        List<PermitRequest> requests = i % 2 == 0 ? List.of(a, b) : List.of(b, a);
                        both.addAndGet(caller.tryAcquireAll(requests).allowed() ? 1 : 0);
                    } else if (i < 5) {
                        mine += caller.tryAcquire(wide, "key").allowed() ? 1 : 0;
                    }
                }
                return mine;
            });
            assertEquals(100 - both.get() - alone, testCase.status(wide, "key").remaining());
            assertEquals(10 - both.get(), testCase.status(narrow, "key").remaining());
            if (testCase.store.atomicAcrossKeys()) {
                assertEquals(10, both.get());
                assertEquals(80, alone);
            }
        }
    }

    /** Concurrent calls with the same keys in different orders neither deadlock nor lose a permit. */
    @Test
    default void concurrentRequestsInAnyOrderGetExactlyTheCapacity() {
        try (TestCase testCase = newTestCase()) {
            List<Policy> policies = List.of(
                    testCase.policy("100/min"),
                    testCase.policy("200/h sliding; 150/min"),
                    testCase.policy("300/day fixed"));
            List<RateLimiter> callers = testCase.callers(4);
            long granted = ConcurrentCallers.granted(32, thread -> {
                long mine = 0;
                for (int i = 0; i < 20; i++) {
                    int first = (thread + i) % 3;
                    int second = (first + 1 + i % 2) % 3;
                    mine += callers.get(thread % 4)
                                    .tryAcquireAll(List.of(
                                            new PermitRequest(policies.get(first), "key", 1),
                                            new PermitRequest(policies.get(second), "key", 1),
                                            new PermitRequest(policies.get(3 - first - second), "key", 1)))
                                    .allowed()
                            ? 1
                            : 0;
                }
                return mine;
            });
            assertTrue(testCase.store.atomicAcrossKeys() ? granted == 100 : granted <= 100, () -> "granted " + granted);
            assertEquals(100 - granted, testCase.status(policies.get(0), "key").remaining());
            assertEquals(150 - granted, testCase.status(policies.get(1), "key").remaining());
            assertEquals(300 - granted, testCase.status(policies.get(2), "key").remaining());
        }
    }
}
