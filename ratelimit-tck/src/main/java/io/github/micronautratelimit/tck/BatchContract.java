package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A batch of requests on one key is decided as if each request came alone, in the same order. */
interface BatchContract extends Contract {

    /** A cheap request may pass after a denied one. Includes 0 permits and more permits than the capacity. */
    @AllLimitKinds
    default void requestsOfABatchAreDecidedInOrder(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            List<Long> costs = List.of(60L, 41L, 0L, 30L, 5000L, 10L, 1L, 0L);
            List<Decision> oneByOne = new ArrayList<>();
            for (long cost : costs) {
                oneByOne.add(testCase.limiter.tryAcquire(policy, "one by one", cost));
            }
            assertEquals(
                    List.of(true, false, true, true, false, true, false, true),
                    oneByOne.stream().map(Decision::allowed).toList());
            RateLimitBackend backend = testCase.store.connect(testCase.clock);
            assertEquals(oneByOne, batch(backend, policy, "at once", costs));
            assertEquals(testCase.status(policy, "one by one"), testCase.status(policy, "at once"));
            testCase.clock.advance(13_000_000);
            for (int i = 0; i < costs.size(); i++) {
                oneByOne.set(i, testCase.limiter.tryAcquire(policy, "one by one", costs.get(i)));
            }
            assertEquals(oneByOne, batch(backend, policy, "at once", costs), "a while later");
        }
    }

    /** A batch without requests has no decisions and changes nothing. */
    @Test
    default void emptyBatchHasNoDecisions() {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy("5/min");
            assertEquals(List.of(), batch(testCase.store.connect(testCase.clock), policy, "key", List.of()));
            assertEquals(5, testCase.status(policy, "key").remaining());
        }
    }

    /** Concurrent batches and single requests get exactly the capacity. */
    @AllLimitKinds
    default void concurrentBatchesGetExactlyTheCapacity(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            List<RateLimitBackend> callers = List.of(
                    testCase.store.connect(testCase.clock),
                    testCase.store.connect(testCase.clock),
                    testCase.store.connect(testCase.clock),
                    testCase.store.connect(testCase.clock));
            List<Long> dozen = Collections.nCopies(12, 1L);
            long granted = ConcurrentCallers.granted(16, thread -> {
                long mine = 0;
                for (int i = 0; i < 4; i++) {
                    List<Decision> decided =
                            batch(callers.get(thread % 4), policy, "key", i == 2 ? List.of(1L) : dozen);
                    mine += decided.stream().filter(Decision::allowed).count();
                }
                return mine;
            });
            assertEquals(100, granted);
            assertEquals(0, testCase.status(policy, "key").remaining());
        }
    }

    private static List<Decision> batch(RateLimitBackend backend, Policy policy, String key, List<Long> costs) {
        return backend.acquireBatch(policy, key, costs).toCompletableFuture().join();
    }
}
