package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.memory.MemoryBackend;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Test;

/** Callers of several policies or slots that wait in turn, in virtual time. */
class WaitingLeaseTest {

    private static final Duration LONG = Duration.ofMinutes(1);
    private static final Policy FAST = Policy.of("fast", "10/s");
    private static final Policy SLOW = Policy.of("slow", "2/s");
    private static final Policy JOBS = Policy.of("jobs", "2 concurrent");

    private final VirtualWaiting time = new VirtualWaiting();
    private final MemoryBackend memory = new MemoryBackend(time::micros, 1_000);
    private final RateLimiter limiter = time.builder(memory).build();
    private final List<Lease> leases = new ArrayList<>();

    private static List<PermitRequest> requests(Policy... policies) {
        return List.of(policies).stream()
                .map(policy -> new PermitRequest(policy, "key", 1))
                .toList();
    }

    private CompletableFuture<Lease> lease(String caller, CompletionStage<Lease> stage) {
        stage.thenAccept(lease -> {
            leases.add(lease);
            time.decided.add(caller + (lease.allowed() ? " granted " : " denied ") + time.elapsedMicros() / 1_000);
        });
        return stage.toCompletableFuture();
    }

    private void spend(Policy policy) {
        assertTrue(limiter.tryAcquire(policy, "key", policy.capacity()).allowed());
    }

    @Test
    void severalPoliciesAreGrantedWhenTheSlowestLimitGrants() {
        spend(SLOW);
        List<CompletableFuture<Decisions>> callers = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            int caller = i;
            CompletionStage<Decisions> stage = limiter.async().acquireAll(requests(FAST, SLOW), LONG);
            stage.thenAccept(decisions ->
                    time.decided.add(caller + " " + decisions.allowed() + " " + time.elapsedMicros() / 1_000));
            callers.add(stage.toCompletableFuture());
        }
        callers.get(1).cancel(false);
        time.passMillis(2_000);
        assertEquals(List.of("0 true 500", "2 true 1000"), time.decided());
    }

    @Test
    void severalPoliciesAreDeniedAtOnceIfTheSlowestLimitTakesTooLong() {
        spend(SLOW);
        Decisions denied = limiter.async()
                .acquireAll(requests(FAST, SLOW), Duration.ofMillis(499))
                .toCompletableFuture()
                .join();
        assertEquals(500_000, denied.retryAfterMicros());
        assertEquals(10, limiter.peek(FAST, "key", 0).remaining());
    }

    @Test
    void callerWhoseTimeEndsBehindOthersIsDenied() {
        spend(SLOW);
        limiter.async().acquireAll(requests(FAST, SLOW), LONG);
        limiter.async()
                .acquireAll(requests(FAST, SLOW), Duration.ofMillis(700))
                .thenAccept(decisions -> time.decided.add(
                        decisions.allowed() + " " + time.elapsedMicros() / 1_000 + " " + decisions.retryAfterMicros()));
        time.passMillis(3_000);
        // The first is granted after 500 ms. Only then the second can know that it needs 500 ms more.
        assertEquals(List.of("false 500 500000"), time.decided());
    }

    @Test
    void releasedSlotGoesToTheFirstCallerAtOnce() {
        lease("a", limiter.async().lease(JOBS, "key"));
        lease("b", limiter.async().lease(JOBS, "key"));
        lease("c", limiter.async().leaseAll(requests(JOBS), LONG));
        lease("d", limiter.async().leaseAll(requests(JOBS), LONG));
        time.passMillis(17);
        assertEquals(List.of("a granted 0", "b granted 0"), time.decided());
        leases.get(1).close();
        leases.get(0).close();
        assertEquals(List.of("c granted 17", "d granted 17"), time.decided());
        assertEquals(0, limiter.stats().waiting());
        leases.forEach(Lease::close);
        assertEquals(2, limiter.peek(JOBS, "key", 0).remaining());
    }

    @Test
    void slotReleasedByAnotherInstanceIsFoundWithinASecond() {
        RateLimiter other = time.builder(memory).build();
        Lease first = other.lease(JOBS, "key");
        Lease second = other.lease(JOBS, "key");
        lease("c", limiter.async().leaseAll(requests(JOBS), LONG));
        time.passMillis(10_000);
        first.close();
        time.passMillis(1_000);
        assertEquals(1, time.decided().size());
        assertTrue(leases.get(0).allowed());
        second.close();
        leases.get(0).close();
    }

    @Test
    void callerThatWaitsForASlotInVainIsDeniedWhenItsTimeEnds() {
        Lease first = limiter.lease(JOBS, "key");
        Lease second = limiter.lease(JOBS, "key");
        lease("c", limiter.async().leaseAll(requests(JOBS), Duration.ofMillis(1_234)));
        lease("d", limiter.async().leaseAll(requests(JOBS), Duration.ofMillis(100)));
        time.passMillis(2_000);
        assertEquals(List.of("d denied 100", "c denied 1234"), time.decided());
        leases.forEach(lease -> assertFalse(lease.hasSlots()));
        first.close();
        second.close();
        assertEquals(2, limiter.peek(JOBS, "key", 0).remaining());
    }

    @Test
    void cancelledCallerHoldsNoSlot() {
        Lease first = limiter.lease(JOBS, "key");
        Lease second = limiter.lease(JOBS, "key");
        CompletableFuture<Lease> cancelled = lease("c", limiter.async().leaseAll(requests(JOBS), LONG));
        lease("d", limiter.async().leaseAll(requests(JOBS), LONG));
        cancelled.cancel(true);
        first.close();
        assertEquals(List.of("d granted 0"), time.decided());
        second.close();
        assertEquals(1, limiter.peek(JOBS, "key", 0).remaining());
    }

    @Test
    void leaseOfPermitsAloneWaitsLikeAnAcquisition() {
        spend(FAST);
        lease("a", limiter.async().leaseAll(requests(FAST), LONG));
        lease("b", limiter.async().leaseAll(requests(FAST), LONG));
        time.passMillis(1_000);
        assertEquals(List.of("a granted 100", "b granted 200"), time.decided());
    }

    @Test
    void permitsAndSlotTogetherWaitForBoth() {
        Policy both = Policy.of("both", "2/s; 1 concurrent");
        lease("a", limiter.async().leaseAll(requests(both), LONG));
        lease("b", limiter.async().leaseAll(requests(both), LONG));
        time.passMillis(100);
        assertEquals(List.of("a granted 0"), time.decided());
        leases.get(0).close();
        assertEquals(List.of("b granted 100"), time.decided());
        lease("c", limiter.async().leaseAll(requests(both), LONG));
        leases.get(1).close();
        time.passMillis(2_000);
        assertEquals(1, time.decided().size());
    }

    @Test
    void waitOfThePolicyThatDeniesCounts() {
        Policy patient = FAST.withMaxWait(Duration.ofSeconds(1));
        spend(SLOW);
        lease("impatient", limiter.async().leaseAllInTurn(requests(patient, SLOW)));
        assertEquals(List.of("impatient denied 0"), time.decided());
        spend(FAST);
        time.passMillis(500);
        spend(Policy.of("fast", "10/s"), 5);
        lease("patient", limiter.async().leaseAllInTurn(requests(patient, SLOW)));
        time.passMillis(1_000);
        assertEquals(List.of("patient granted 600"), time.decided());
        lease("none", limiter.async().leaseAllInTurn(requests(FAST)));
        assertEquals(1, time.decided().size());
    }

    private void spend(Policy policy, long permits) {
        assertTrue(limiter.tryAcquire(policy, "key", permits).allowed());
    }

    @Test
    void closedLimiterDeniesCallersThatWaitForSlots() {
        Lease first = limiter.lease(JOBS, "key");
        Lease second = limiter.lease(JOBS, "key");
        lease("c", limiter.async().leaseAll(requests(JOBS), LONG));
        limiter.close();
        assertEquals(List.of("c denied 0"), time.decided());
        first.close();
        second.close();
    }
}
