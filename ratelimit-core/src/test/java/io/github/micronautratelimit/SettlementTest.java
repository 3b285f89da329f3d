package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.DecisionCounts.Series;
import io.github.micronautratelimit.Reservation.Outcome;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.testing.Await;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.Test;

/** Settlements of charges and reservations, and their counters. */
class SettlementTest {

    private static final Policy TOKENS = Policy.of("tokens", "100/min");

    private final AtomicLong micros = new AtomicLong(1_789_381_259_000_000L);
    private final RateLimiter limiter = RateLimiter.builder(new MemoryBackend(micros::get, 1_000))
            .clock(micros::get)
            .build();
    private final AsyncRateLimiter async = limiter.async();
    private final DecisionCounts counts = limiter.counts();

    private long left() {
        return limiter.peek(TOKENS, "a", 0).remaining();
    }

    private Charge charge(long permits) {
        PermitRequest request = new PermitRequest(TOKENS, "a", permits);
        Decisions decisions = limiter.tryAcquireAll(List.of(request));
        return async.charge(request, decisions.list().get(0)).orElseThrow();
    }

    private List<Long> settled() {
        return List.of(sum(Series::settledBelow), sum(Series::settledBeyond), sum(Series::refundedPermits));
    }

    private long sum(ToLongFunction<Series> count) {
        return counts.all().stream().mapToLong(count).sum();
    }

    @Test
    void chargeIsSettledOnce() {
        Charge charge = charge(30);
        assertFalse(Await.result(async.settle(charge, -1)), "nothing is changed");
        assertTrue(Await.result(async.settle(charge, 10)));
        assertEquals(90, left());
        assertFalse(Await.result(async.settle(charge, 50)));
        assertFalse(Await.result(async.refund(charge)));
        assertEquals(90, left());
        assertEquals(List.of(20L, 0L, 0L), settled());
        assertTrue(Await.result(async.settle(charge(10), 25)));
        assertEquals(65, left());
        assertEquals(List.of(20L, 15L, 0L), settled());
    }

    @Test
    void chargeThatWasRefundedIsNotSettled() {
        Charge charge = charge(30);
        assertTrue(Await.result(async.refund(charge)));
        assertFalse(Await.result(async.settle(charge, 50)));
        assertEquals(100, left());
        assertEquals(List.of(0L, 0L, 30L), settled());
    }

    @Test
    void reservationIsSettledOnceAlsoByItsText() {
        Reservation reservation = Await.result(async.reserve(TOKENS, "a", 30));
        Reservation read = async.readReservation(TOKENS, "a", reservation.toString());
        assertEquals(Outcome.SETTLED, Await.result(read.settle(45)).outcome());
        assertEquals(55, left());
        assertEquals(Outcome.UNKNOWN, Await.result(reservation.settle(1)).outcome());
        assertEquals(55, left());
        assertEquals(List.of(0L, 15L, 0L), settled());
    }

    @Test
    void lateSettlementCountsOnlyWhatItCharges() {
        Reservation less = Await.result(async.reserve(TOKENS, "a", 30, Duration.ofSeconds(1)));
        Reservation more = Await.result(async.reserve(TOKENS, "a", 30, Duration.ofSeconds(1)));
        micros.addAndGet(1_000_000);
        assertEquals(Outcome.SETTLED_LATE, Await.result(less.settle(10)).outcome());
        assertEquals(Outcome.SETTLED_LATE, Await.result(more.settle(35)).outcome());
        assertEquals(List.of(0L, 5L, 0L), settled());
    }

    @Test
    void deniedReservationHasNothingToSettle() {
        Reservation denied = Await.result(async.reserve(TOKENS, "a", 101));
        assertFalse(denied.decision().allowed());
        assertEquals(Outcome.NOT_SETTLED, Await.result(denied.settle(10)).outcome());
        assertEquals(Outcome.NOT_SETTLED, Await.result(denied.cancel()).outcome());
        assertEquals(100, left());
        assertEquals(List.of(0L, 0L, 0L), settled());
    }

    /** A decision without the time of its charge, as an integration leaves it after a settlement, has no charge. */
    @Test
    void decisionWithoutTimeIsNotRefunded() {
        Policy fair = Policy.of("fair", "100/min").withRefundOn(List.of("5xx"));
        PermitRequest request = new PermitRequest(fair, "a", 30);
        Decision allowed = limiter.tryAcquireAll(List.of(request)).list().get(0);
        Decision known = new Decision.Allowed(allowed.remaining(), allowed.resetAfterMicros(), allowed.source());
        Decisions decisions = new Decisions(List.of(request), List.of(known));
        assertEquals(List.of(known), async.applyOutcome(decisions, 500, null).list());
        Await.result(async.refund(decisions));
        assertTrue(async.charge(request, known).isEmpty());
        assertEquals(List.of(0L, 0L, 0L), settled());
    }

    /** Grants of on-error: open are charged nowhere. Grants of local counters are settled there. */
    @Test
    void grantsOfTheFallbackAreSettledInThisProcess() {
        MemoryBackend memory = new MemoryBackend(micros::get, 1_000);
        RateLimiter failing = RateLimiter.builder(new ForwardingBackend(memory) {
                    @Override
                    public boolean isLocal() {
                        return false;
                    }

                    @Override
                    public CompletionStage<Decision> reserve(
                            Policy policy, String key, java.util.UUID id, long permits, long ttlMicros) {
                        return CompletableFuture.failedFuture(new IllegalStateException("down"));
                    }
                })
                .clock(micros::get)
                .build();
        try {
            DecisionCounts counted = failing.counts();
            for (OnError onError : List.of(OnError.OPEN, OnError.LOCAL)) {
                Policy policy = Policy.of(onError.name(), "100/min").withOnError(onError);
                Reservation reservation = Await.result(failing.async().reserve(policy, "a", 30));
                assertEquals(Decision.Source.FALLBACK, reservation.decision().source());
                assertTrue(reservation.decision().allowed());
                assertEquals(
                        Outcome.SETTLED, Await.result(reservation.settle(10)).outcome());
                assertEquals(
                        onError == OnError.LOCAL ? 20 : 0,
                        counted.all().stream()
                                .filter(series -> series.policy().equals(policy.name()))
                                .mapToLong(Series::settledBelow)
                                .sum());
            }
        } finally {
            failing.close();
        }
    }
}
