package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.memory.MemoryBackend;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The permits that a late refund gives back, of a stage that was denied after another one, of slots, of several
 * policies.
 */
class LateRefundTest {

    /** 2026-09-14T10:20:59Z, one second before the end of a minute. */
    private static final long START = 1_789_381_259_000_000L;

    private long micros = START;
    private final MemoryBackend store = new MemoryBackend(() -> micros, 1_000);
    private final RateLimiter limiter =
            RateLimiter.builder(store).clock(() -> micros).build();

    private Decisions acquire(Policy policy, long permits) {
        Decisions decisions = limiter.tryAcquireAll(List.of(new PermitRequest(policy, "key", permits)));
        assertTrue(decisions.allowed());
        return decisions;
    }

    private long drain(Policy policy) {
        long granted = 0;
        while (limiter.tryAcquire(policy, "key").allowed()) {
            granted++;
        }
        return granted;
    }

    private void refund(Decisions decisions) {
        limiter.async().refund(decisions).toCompletableFuture().join();
    }

    /** One client takes a permit, others take all that is left or has come back, and the permit is given back late. */
    @ParameterizedTest
    @CsvSource({
        "10/min fixed, 2000",
        "10/min fixed, 1000",
        "3/s fixed, 5000",
        "10/min, 30000",
        "10/min, 6000",
        "10/min burst 3, 7000",
        "100/s, 50",
        "10/min sliding, 61000",
        "10/s fixed; 100/h, 1500",
        "10/min fixed; 1000/h, 1200",
        "10/min; 1000/h, 60000"
    })
    void lateRefundOpensNoRoom(String limits, long millis) {
        Policy policy = Policy.of("p", limits);
        Decisions charge = acquire(policy, 1);
        micros += millis * 1_000;
        drain(policy);
        refund(charge);
        assertEquals(0, drain(policy));
        if (policy.rateLimits().size() == 1) {
            micros += 1;
            assertEquals(0, drain(policy));
        }
    }

    /** A refund in time gives back everything, also if others have taken all the rest. */
    @ParameterizedTest
    @CsvSource({
        "10/min fixed, 900, 1",
        "10/min fixed, 900, 7",
        "10/h, 100000, 1",
        "10/min, 1000, 1",
        "10/min, 1000, 7",
        "100/s, 3, 1",
        "1000/s, 0, 1",
        "10/min sliding, 900, 3",
        "1000/h sliding, 30000, 3",
        "10/s; 100/h, 0, 1",
        "300/s; 100/min; 100/min fixed, 20, 1",
        "10/min sliding, 3000, 2",
        "10/min sliding, 58000, 1",
        "10/min fixed; 5/min sliding, 2000, 1",
        "10/min sliding; 1000/h fixed, 900, 2"
    })
    void refundInTimeGivesBackEverything(String limits, long millis, long permits) {
        Policy policy = Policy.of("p", limits);
        Decisions charge = acquire(policy, permits);
        drain(policy);
        micros += millis * 1_000;
        drain(policy);
        refund(charge);
        assertEquals(permits, drain(policy));
    }

    /** Nobody else takes permits, and the key is as if the request had not been made. */
    @ParameterizedTest
    @CsvSource({"10/min, 7", "10/min, 2", "10/s, 3", "5/s burst 20, 20", "10/min fixed, 10", "10/min sliding, 10"})
    void quickRefundOfAnIdleKeyCostsNothing(String limits, long permits) {
        Policy policy = Policy.of("p", limits);
        Decisions charge = acquire(policy, permits);
        micros += 5_000;
        refund(charge);
        assertEquals(policy.capacity(), limiter.peek(policy, "key", 0).remaining());
    }

    /** Some of the permits have come back with time: the refund gives back the rest, and never more. */
    @Test
    void bucketGetsBackWhatHasNotComeBackMeanwhile() {
        Policy policy = Policy.of("p", "10/min");
        Decisions charge = acquire(policy, 6);
        micros += 18_000_000;
        assertEquals(7, drain(policy), "4 were left, 3 have come back");
        refund(charge);
        assertEquals(3, drain(policy));
    }

    @Test
    void decisionsOfSeveralStagesCountFromTheFirst() {
        Policy policy = Policy.of("p", "10/min fixed");
        Decisions first = acquire(policy, 1);
        micros += 2_000_000;
        Decisions both = first.and(acquire(Policy.of("other", "10/min fixed"), 1));
        drain(policy);
        refund(both);
        assertEquals(0, drain(policy));
    }

    /** Decisions that an application makes up itself have no time. */
    @Test
    void decisionsWithoutATimeAreNotRefunded() {
        Policy policy = Policy.of("p", "10/min fixed");
        Decisions charge = acquire(policy, 4);
        Decision made = new Decision.Allowed(6, 1_000_000, Decision.Source.STORE);
        refund(new Decisions(charge.requests(), List.of(made)));
        assertEquals(6, drain(policy));
    }

    /** A store whose second answer takes a while, by the clock of this test. */
    private final class SlowStore extends ForwardingBackend {

        private final long delayMicros;
        private final Runnable meanwhile;

        SlowStore(long delayMicros, Runnable meanwhile) {
            super(store);
            this.delayMicros = delayMicros;
            this.meanwhile = meanwhile;
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            if (policy.name().equals("slow")) {
                micros += delayMicros;
                meanwhile.run();
            }
            return super.acquire(policy, key, permits);
        }

        List<Decision> acquireInTurn(PermitRequest... requests) {
            return new SequentialAcquire(
                            request -> acquire(request.policy(), request.key(), request.permits()),
                            (request, chargedAt) ->
                                    refund(request.policy(), request.key(), request.permits(), chargedAt),
                            List.of(requests))
                    .acquire()
                    .toCompletableFuture()
                    .join();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "10/min, 5, 8, 12000000",
        "10/min fixed, 5, 8, 1000000",
        "10/min sliding, 5, 8, 60000000",
        "10/min; 100/h, 5, 8, 72000000"
    })
    void deniedSequenceShowsTheKeysWithoutItsCharges(String limits, long permits, long left, long reset) {
        Policy policy = Policy.of("p", limits);
        Policy slow = Policy.of("slow", "1/h");
        assertTrue(limiter.tryAcquire(slow, "key").allowed());
        assertTrue(limiter.tryAcquire(policy, "key", 2).allowed());
        List<Decision> decisions = new SlowStore(0, () -> {})
                .acquireInTurn(new PermitRequest(policy, "key", permits), new PermitRequest(slow, "key", 1));
        assertEquals(left, decisions.get(0).remaining());
        assertTrue(decisions.get(0).resetAfterMicros() >= reset, decisions::toString);
        assertFalse(decisions.get(1).allowed());
        assertEquals(left, limiter.peek(policy, "key", 0).remaining());
    }

    @ParameterizedTest
    @CsvSource({"10/min fixed, 1500000, 0", "10/min fixed, 900000, 1", "10/min, 6000000, 0", "10/min, 0, 1"})
    void sequenceThatTakesLongRefundsOnlyWhatIsStillTaken(String limits, long delay, long refunded) {
        Policy policy = Policy.of("p", limits);
        Policy slow = Policy.of("slow", "1/h");
        assertTrue(limiter.tryAcquire(slow, "key").allowed());
        SlowStore slowStore = new SlowStore(delay, () -> drain(policy));
        assertFalse(slowStore
                .acquireInTurn(new PermitRequest(policy, "key", 1), new PermitRequest(slow, "key", 1))
                .get(1)
                .allowed());
        assertEquals(refunded, drain(policy));
    }

    /** A guard would charge the requests once more if it took them for not executed. */
    @ParameterizedTest
    @CsvSource({"true, IllegalStateException", "false, TimeoutException"})
    void failedSequenceSaysWhetherItMayHaveChargedPermits(boolean refunds, String expected) {
        Policy policy = Policy.of("p", "10/min");
        RateLimitBackend failing = new ForwardingBackend(store) {
            @Override
            public CompletionStage<Decision> acquire(Policy of, String key, long permits) {
                return of == policy
                        ? super.acquire(of, key, permits)
                        : CompletableFuture.failedFuture(new IllegalStateException("Connection refused"));
            }

            @Override
            public CompletionStage<Void> refund(Policy of, String key, long permits, long chargedAtMicros) {
                return refunds
                        ? super.refund(of, key, permits, chargedAtMicros)
                        : CompletableFuture.failedFuture(new IllegalStateException("Connection refused"));
            }
        };
        CompletionException failure = assertThrows(CompletionException.class, () -> new SequentialAcquire(
                        request -> failing.acquire(request.policy(), request.key(), request.permits()),
                        (request, chargedAt) ->
                                failing.refund(request.policy(), request.key(), request.permits(), chargedAt),
                        List.of(
                                new PermitRequest(policy, "key", 4),
                                new PermitRequest(Policy.of("q", "1/s"), "key", 1)))
                .acquire()
                .toCompletableFuture()
                .join());
        assertEquals(expected, failure.getCause().getClass().getSimpleName());
        assertEquals(refunds ? 10 : 6, limiter.peek(policy, "key", 0).remaining());
    }

    /** Permits are given back if no slot is free, but not into the next window. */
    @ParameterizedTest
    @CsvSource({"0, 10", "500000, 10", "1500000, 0"})
    void permitsOfALeaseWithoutASlotAreGivenBackInTime(long delay, long left) {
        ConcurrencyBackend slots = store.concurrency();
        RateLimiter late = RateLimiter.builder(new ForwardingBackend(store) {
                    @Override
                    public ConcurrencyBackend concurrency() {
                        return new ForwardingSlots(slots) {
                            @Override
                            public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
                                micros += delay;
                                return CompletableFuture.completedFuture(
                                        new Decision.Denied(0, 1, 1, List.of(), Decision.Source.STORE));
                            }
                        };
                    }
                })
                .unguarded()
                .clock(() -> micros)
                .build();
        Policy policy = Policy.of("p", "10/min fixed; 1 concurrent");
        Policy permitsOnly = Policy.of("p", "10/min fixed");
        try (Lease lease = late.lease(policy, "key")) {
            assertFalse(lease.allowed());
        }
        if (delay > 1_000_000) {
            assertEquals(10, drain(permitsOnly), "the next window");
            assertEquals(left, drain(permitsOnly));
        } else {
            assertEquals(left, drain(permitsOnly));
        }
    }

    /** While the store is unavailable, permits are given back to the counters of the instance. */
    @ParameterizedTest
    @CsvSource({
        "10/h, 0, 10",
        "10/h fixed, 900000, 10",
        "10/h sliding, 0, 10",
        "10/h; 20/day, 0, 10",
        "10/s, 5000000, 10"
    })
    void permitsOfAFallbackAreGivenBackInTheProcess(String limits, long delay, long left) {
        try (RateLimiter outage = unavailable()) {
            Policy policy = Policy.of("p", limits);
            Decisions decisions = outage.tryAcquireAll(List.of(new PermitRequest(policy, "key", 4)));
            assertEquals(Decision.Source.FALLBACK, decisions.list().get(0).source());
            micros += delay;
            outage.async().refund(decisions).toCompletableFuture().join();
            assertEquals(left, outage.peek(policy, "key", 0).remaining());
            assertEquals(10, store.peek(policy, "key", 0).join().remaining());

            Policy leased = Policy.of("leased", limits + "; 1 concurrent");
            try (Lease first = outage.lease(leased, "key");
                    Lease second = outage.lease(leased, "key")) {
                assertTrue(first.allowed());
                assertFalse(second.allowed());
            }
            assertEquals(
                    9,
                    outage.peek(Policy.of("leased", limits), "key", 0).remaining(),
                    "the denied request cost nothing");
        }
    }

    @Test
    void permitsOfAFallbackAreNotGivenBackIntoAnotherWindow() {
        try (RateLimiter outage = unavailable()) {
            Policy policy = Policy.of("p", "10/min fixed");
            Decisions decisions = outage.tryAcquireAll(List.of(new PermitRequest(policy, "key", 4)));
            micros += 1_500_000;
            assertTrue(outage.tryAcquire(policy, "key", 10).allowed());
            outage.async().refund(decisions).toCompletableFuture().join();
            assertFalse(outage.tryAcquire(policy, "key").allowed());
        }
    }

    private RateLimiter unavailable() {
        return RateLimiter.builder(new ForwardingBackend(store) {
                    @Override
                    public boolean isLocal() {
                        return false;
                    }

                    @Override
                    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
                        return fail();
                    }

                    @Override
                    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
                        return fail();
                    }

                    @Override
                    public ConcurrencyBackend concurrency() {
                        return new ForwardingSlots(store.concurrency()) {
                            @Override
                            public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
                                return fail();
                            }
                        };
                    }
                })
                .clock(() -> micros)
                .deadline(Duration.ofSeconds(30))
                .build();
    }

    private static <T> CompletionStage<T> fail() {
        return CompletableFuture.failedFuture(RateLimitBackendException.notCalled("The store is unavailable."));
    }
}
