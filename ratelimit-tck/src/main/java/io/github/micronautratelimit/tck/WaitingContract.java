package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Callers of several instances wait in turn for the same permits, in real time. */
interface WaitingContract extends Contract {

    /** All are granted, and never more than the limit. A caller with too little time is denied at once. */
    @Test
    default void callersThatWaitAreAllGrantedWithinTheLimit() {
        int burst = 5;
        int perSecond = 100;
        int callers = 16;
        int requestsPerCaller = 3;
        Duration patience = Duration.ofSeconds(30);
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(perSecond + "/s burst " + burst);
            List<RateLimiter> instances =
                    List.of(testCase.caller(MicroClock.system()), testCase.caller(MicroClock.system()));
            long begunNanos = System.nanoTime();
            // A backend that denies everything fails here, and not after the time to wait.
            assertTrue(instances.get(0).tryAcquire(policy, "key", burst).allowed());
            List<CompletableFuture<Integer>> granted = new ArrayList<>();
            for (int i = 0; i < callers; i++) {
                granted.add(acquire(instances.get(i % 2), policy, requestsPerCaller, patience));
            }
            Policy hourly = testCase.policy("1/h");
            assertTrue(instances.get(0).tryAcquire(hourly, "key").allowed());
            Decision impatient = instances.get(0).acquire(hourly, "key", 1, Duration.ofMillis(1));
            assertFalse(impatient.allowed());
            assertTrue(impatient.retryAfterMicros() > 1_000, impatient::toString);
            int all = burst;
            for (CompletableFuture<Integer> caller : granted) {
                int requests =
                        caller.orTimeout(patience.toSeconds(), TimeUnit.SECONDS).join();
                assertEquals(requestsPerCaller, requests);
                all += requests;
            }
            double seconds = (System.nanoTime() - begunNanos) / 1e9;
            assertTrue(all <= burst + perSecond * seconds, all + " permits in " + seconds + " seconds");
            assertEquals(
                    0,
                    instances.get(0).stats().waiting()
                            + instances.get(1).stats().waiting());
        }
    }

    /** Acquires one permit after the other; completes with the number of those that were granted. */
    private static CompletableFuture<Integer> acquire(
            RateLimiter instance, Policy policy, int requests, Duration maxWait) {
        if (requests == 0) {
            return CompletableFuture.completedFuture(0);
        }
        return instance.async()
                .acquire(policy, "key", 1, maxWait)
                .thenCompose(decision -> decision.allowed()
                        ? acquire(instance, policy, requests - 1, maxWait).thenApply(further -> further + 1)
                        : CompletableFuture.completedFuture(0))
                .toCompletableFuture();
    }
}
