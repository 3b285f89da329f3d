package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.Reservation.Outcome;
import io.github.micronautratelimit.ReservationRules;
import io.github.micronautratelimit.limit.LimitState;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Permits that are charged on an estimate and settled with the real cost. */
interface ReservationContract extends Contract {

    Duration MINUTE = Duration.ofMinutes(1);

    private TestCase newReservationCase() {
        TestCase testCase = newTestCase();
        if (!testCase.store.keepsReservations()) {
            testCase.close();
        }
        assumeTrue(testCase.store.keepsReservations());
        return testCase;
    }

    private static Reservation reserve(RateLimiter limiter, Policy policy, long estimate) {
        return limiter.async()
                .reserve(policy, "key", estimate, MINUTE)
                .toCompletableFuture()
                .join();
    }

    private static Outcome settle(Reservation reservation, long actual) {
        return reservation.settle(actual).toCompletableFuture().join().outcome();
    }

    private static long remaining(TestCase testCase, Policy policy) {
        return testCase.status(policy, "key").remaining();
    }

    /** Five callers reserve 35 of 100 at the same time: two pass, whichever instances they call. */
    @Test
    default void estimatesAreChargedAtOnce() throws Exception {
        for (String limits : List.of("100/h", "100/h fixed", "100/h sliding", "100/h; 1000/day")) {
            try (TestCase testCase = newReservationCase()) {
                Policy policy = testCase.policy(limits);
                List<RateLimiter> callers = testCase.callers(5);
                assertEquals(
                        2,
                        ConcurrentCallers.granted(
                                5,
                                thread -> reserve(callers.get(thread), policy, 35)
                                                .decision()
                                                .allowed()
                                        ? 1
                                        : 0));
                assertEquals(30, remaining(testCase, policy));
            }
        }
    }

    @Test
    default void settlementGivesBackTheRest() {
        for (String limits : List.of("100/h", "100/h fixed", "100/h sliding", "100/h; 1000/day fixed")) {
            try (TestCase testCase = newReservationCase()) {
                Policy policy = testCase.policy(limits);
                Reservation first = reserve(testCase.limiter, policy, 60);
                Reservation second = reserve(testCase.limiter, policy, 40);
                assertEquals(0, second.decision().remaining());
                assertFalse(reserve(testCase.limiter, policy, 1).decision().allowed());
                Reservation.Settlement settlement =
                        first.settle(45).toCompletableFuture().join();
                assertEquals(Outcome.SETTLED, settlement.outcome());
                assertEquals(15, settlement.after().remaining());
                assertEquals(
                        Outcome.SETTLED,
                        second.cancel().toCompletableFuture().join().outcome());
                assertEquals(55, remaining(testCase, policy));
            }
        }
    }

    /** The next request is denied until the debt is repaid, and not longer. */
    @Test
    default void costBeyondTheEstimateIsADebt() {
        try (TestCase testCase = newReservationCase()) {
            Policy policy = testCase.policy("60/min");
            Reservation reservation = reserve(testCase.limiter, policy, 50);
            assertEquals(Outcome.SETTLED, settle(reservation, 80));
            Decision denied = testCase.limiter.tryAcquire(policy, "key");
            assertFalse(denied.allowed());
            assertEquals(21_000_000, denied.retryAfterMicros());
            assertEquals(80_000_000, denied.resetAfterMicros());
            testCase.clock.advance(Duration.ofSeconds(21).minusNanos(1_000));
            assertFalse(testCase.limiter.tryAcquire(policy, "key").allowed());
            testCase.clock.advance(Duration.ofNanos(1_000));
            assertTrue(testCase.limiter.tryAcquire(policy, "key").allowed());
        }
    }

    /** A debt is at most the capacity, or as many permits as the policy says. */
    @Test
    default void debtIsBounded() {
        for (String limits : List.of("100/h", "100/h fixed", "100/h sliding")) {
            try (TestCase testCase = newReservationCase()) {
                Policy policy = testCase.policy(limits);
                settle(reserve(testCase.limiter, policy, 10), Long.MAX_VALUE);
                assertEquals(100, testCase.refundedUntilFree(policy), limits);
                Policy strict = testCase.policy(limits).withReservations(new ReservationRules(10, 7, false));
                settle(reserve(testCase.limiter, strict, 10), 1_000);
                assertEquals(7, testCase.refundedUntilFree(strict), limits);
                Policy none = testCase.policy(limits).withReservations(new ReservationRules(10, 0, false));
                settle(reserve(testCase.limiter, none, 10), 1_000);
                assertEquals(0, testCase.refundedUntilFree(none), limits);
            }
        }
    }

    @Test
    default void reservationIsSettledOnce() {
        try (TestCase testCase = newReservationCase()) {
            Policy policy = testCase.policy("100/h fixed");
            Reservation reservation = reserve(testCase.limiter, policy, 30);
            String text = reservation.toString();
            assertEquals(Outcome.SETTLED, settle(reservation, 10));
            assertEquals(Outcome.UNKNOWN, settle(reservation, 20));
            RateLimiter other = testCase.caller(testCase.clock);
            assertEquals(Outcome.UNKNOWN, settle(other.async().readReservation(policy, "key", text), 0));
            assertEquals(90, remaining(testCase, policy));
        }
    }

    /** A negative cost, a denied reservation, and one that this key does not know. */
    @Test
    default void settlementOfNothingChangesNothing() {
        try (TestCase testCase = newReservationCase()) {
            Policy policy = testCase.policy("100/h fixed");
            Reservation reservation = reserve(testCase.limiter, policy, 60);
            Reservation denied = reserve(testCase.limiter, policy, 60);
            assertFalse(denied.decision().allowed());
            assertEquals(Outcome.NOT_SETTLED, settle(denied, 0));
            assertEquals(
                    Outcome.NOT_SETTLED,
                    denied.cancel().toCompletableFuture().join().outcome());
            assertEquals(Outcome.NOT_SETTLED, settle(reservation, -1));
            RateLimitBackend backend = testCase.store.connect(testCase.clock);
            long now = testCase.clock.micros();
            var unknown = new Reservation.Receipt(UUID.randomUUID(), 60, now, now + 60_000_000);
            assertEquals(Outcome.UNKNOWN, settled(backend, policy, "key", unknown));
            assertEquals(Outcome.UNKNOWN, settled(backend, policy, "empty", unknown));
            assertEquals(40, remaining(testCase, policy));
            assertEquals(Outcome.SETTLED, settle(reservation, 60));
            assertEquals(
                    LimitState.NEVER,
                    reserve(testCase.limiter, policy, 101).decision().retryAfterMicros());
        }
    }

    private static Outcome settled(RateLimitBackend backend, Policy policy, String key, Reservation.Receipt receipt) {
        return backend.settle(policy, key, receipt, 0)
                .toCompletableFuture()
                .join()
                .outcome();
    }

    /** The same call twice, as after a lost reply: it reserves once and settles once. */
    @Test
    default void repeatedCallsTakeEffectOnce() {
        try (TestCase testCase = newReservationCase()) {
            Policy policy = testCase.policy("100/h");
            RateLimitBackend backend = testCase.store.connect(testCase.clock);
            UUID id = UUID.randomUUID();
            Decision first = backend.reserve(policy, "key", id, 30, 60_000_000)
                    .toCompletableFuture()
                    .join();
            testCase.clock.advance(Duration.ofSeconds(1));
            Decision second = backend.reserve(policy, "key", id, 30, 60_000_000)
                    .toCompletableFuture()
                    .join();
            assertTrue(first.allowed() && second.allowed());
            long chargedAt = ((Decision.Allowed) first).chargedAtMicros();
            assertEquals(chargedAt, ((Decision.Allowed) second).chargedAtMicros());
            assertEquals(70, second.remaining());
            var receipt = new Reservation.Receipt(id, 30, chargedAt, chargedAt + 60_000_000);
            assertEquals(Outcome.SETTLED, settled(backend, policy, "key", receipt));
            assertEquals(Outcome.UNKNOWN, settled(backend, policy, "key", receipt));
            assertEquals(100, remaining(testCase, policy));
        }
    }

    /** The estimate stays charged, and only what exceeds it is charged later. */
    @Test
    default void reservationThatExpiresCountsAsTheEstimate() {
        try (TestCase testCase = newReservationCase()) {
            Policy policy = testCase.policy("100/day fixed");
            Reservation less = reserve(testCase.limiter, policy, 30);
            Reservation more = reserve(testCase.limiter, policy, 30);
            testCase.clock.advance(MINUTE);
            assertEquals(40, remaining(testCase, policy));
            assertEquals(Outcome.SETTLED_LATE, settle(less, 10));
            assertEquals(40, remaining(testCase, policy));
            assertEquals(Outcome.SETTLED_LATE, settle(more, 35));
            assertEquals(35, remaining(testCase, policy));
        }
    }

    /** The estimate is given back, and the whole cost is charged later. */
    @Test
    default void reservationThatExpiresIsGivenBackIfThePolicySaysSo() {
        try (TestCase testCase = newReservationCase()) {
            Policy policy = testCase.policy("100/day fixed").withReservations(new ReservationRules(10, 0, true));
            Reservation reservation = reserve(testCase.limiter, policy, 30);
            testCase.clock.advance(MINUTE.minusNanos(1_000));
            assertEquals(70, remaining(testCase, policy));
            testCase.clock.advance(Duration.ofNanos(1_000));
            assertEquals(100, remaining(testCase, policy));
            assertEquals(Outcome.SETTLED_LATE, settle(reservation, 10));
            assertEquals(90, remaining(testCase, policy));
        }
    }

    /** A further reservation is denied by no limit until one is settled or expires. */
    @Test
    default void openReservationsAreBounded() {
        try (TestCase testCase = newReservationCase()) {
            Policy policy = testCase.policy("100000/h").withReservations(new ReservationRules(3, 0, false));
            List<Reservation> open = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                open.add(reserve(testCase.limiter, policy, 1));
                testCase.clock.advance(Duration.ofSeconds(10));
            }
            Decision denied = reserve(testCase.limiter, policy, 1).decision();
            assertFalse(denied.allowed());
            assertEquals(List.of(), denied.deniedBy());
            assertEquals(30_000_000, denied.retryAfterMicros());
            assertTrue(testCase.limiter.tryAcquire(policy, "key").allowed(), "other requests pass");
            assertEquals(Outcome.SETTLED, settle(open.get(1), 1));
            assertTrue(reserve(testCase.limiter, policy, 1).decision().allowed());
            assertFalse(reserve(testCase.limiter, policy, 1).decision().allowed());
            testCase.clock.advance(Duration.ofSeconds(30));
            assertTrue(reserve(testCase.limiter, policy, 1).decision().allowed(), "the first one has expired");
        }
    }

    /** The most reservations that the default allows, on one key. */
    @Test
    default void thousandReservationsOfAKeyAreSettled() {
        try (TestCase testCase = newReservationCase()) {
            Policy policy = testCase.policy("10000/day fixed");
            List<Reservation> open = new ArrayList<>();
            for (int i = 0; i < ReservationRules.MOST_OPEN; i++) {
                open.add(reserve(testCase.limiter, policy, 2));
            }
            assertFalse(reserve(testCase.limiter, policy, 2).decision().allowed());
            assertEquals(8_000, remaining(testCase, policy));
            open.forEach(reservation -> assertEquals(Outcome.SETTLED, settle(reservation, 1)));
            assertEquals(9_000, remaining(testCase, policy));
        }
    }

    /** Callers of several instances reserve and settle at the same time. */
    @Test
    default void concurrentSettlementsAreExact() throws Exception {
        for (String limits : List.of("1000/day", "1000/day fixed", "1000/day sliding")) {
            try (TestCase testCase = newReservationCase()) {
                Policy policy = testCase.policy(limits);
                List<RateLimiter> callers = testCase.callers(4);
                ConcurrentCallers.granted(8, thread -> {
                    for (int i = 0; i < 10; i++) {
                        Reservation reservation = reserve(callers.get(thread % 4), policy, 10);
                        assertTrue(reservation.decision().allowed());
                        assertEquals(Outcome.SETTLED, settle(reservation, i % 2 == 0 ? 4 : 12));
                    }
                    return 1;
                });
                assertEquals(1_000 - 8 * (5 * 4 + 5 * 12), remaining(testCase, policy), limits);
            }
        }
    }

    @Test
    default void reservationsSurviveBlocksAndChangedLimitsAndResetsRemoveThem() {
        try (TestCase testCase = newReservationCase()) {
            assumeTrue(testCase.store.blocksKeys());
            Policy policy = testCase.policy("100/h fixed");
            Reservation blocked = reserve(testCase.limiter, policy, 60);
            testCase.limiter.block(policy, "key", Duration.ofSeconds(5));
            assertEquals(Outcome.SETTLED, settle(blocked, 20));
            assertEquals(0, remaining(testCase, policy));
            testCase.clock.advance(Duration.ofSeconds(5));
            assertEquals(80, remaining(testCase, policy));
            Reservation changed = reserve(testCase.limiter, policy, 60);
            Policy more = TestCase.changed(policy, "200/h fixed");
            assertTrue(testCase.limiter.tryAcquire(more, "key", 10).allowed());
            assertEquals(Outcome.SETTLED, settle(changed, 0));
            assertEquals(170, remaining(testCase, more));
            Reservation forgotten = reserve(testCase.limiter, policy, 10);
            testCase.limiter.reset(policy, "key");
            assertEquals(Outcome.UNKNOWN, settle(forgotten, 5));
            assertEquals(100, remaining(testCase, policy));
        }
    }
}
