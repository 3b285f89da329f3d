package io.github.micronautratelimit.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.Reservation.Settlement;
import io.github.micronautratelimit.Reservation.Step;
import io.github.micronautratelimit.ReservationRules;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.tck.VirtualClock;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random histories of all operations on a key, by two instances with caches of their own, against the states of the
 * core.
 */
class HistoryTest {

    private static final long START = 1_790_000_163_376_680L;
    private static final int HISTORIES = Integer.getInteger("ratelimit.histories", 6);
    private static final int OPERATIONS = 120;
    private static final String KEY = "key";

    private final Map<Reservation.Outcome, Integer> outcomes = new EnumMap<>(Reservation.Outcome.class);

    @ParameterizedTest
    @ValueSource(
            strings = {
                "10/s",
                "7/3s burst 13",
                "1/min burst 1",
                "1000000/s burst 3",
                "20/s fixed",
                "20/s sliding",
                "30/10ms sliding",
                "12/s; 30/10s sliding; 50/min fixed",
                "10/s burst 40; 60/min burst 20",
                "1/us; 2/us; 3/us; 4/us; 5/us; 6/us; 7/us; 8/us",
                "91/s; 92/s; 93/s; 94/s; 95/s; 96/s; 97/s; 98/s burst 40",
                "91/s; 92/s sliding; 93/s fixed; 94/s; 95/s; 96/s; 97/s sliding; 98/s; 99/s burst 40"
            })
    void decidesAsTheCore(String limits) {
        for (int seed = 0; seed < HISTORIES; seed++) {
            History history = new History(limits, seed);
            for (int i = 0; i < OPERATIONS; i++) {
                history.next(i);
            }
        }
        assertTrue(outcomes.keySet().size() >= 3, () -> "reached " + outcomes);
    }

    /** The bucket was half empty when the second instance saw it last. */
    @Test
    void staleCopyOfTheDebtIsNoticed() {
        History history = new History("10/s burst 100", 1);
        history.acquire(0, 60);
        history.refund(0, 1, 0);
        history.acquire(0, 10);
        history.acquire(1, 1);
        history.refundLatest(0, 50);
        history.acquire(1, 1);
        history.clock.advance(1_500_000);
        history.refund(0, 10, 1);
    }

    /** A refund that the second instance has not seen makes an earlier charge uncertain. */
    @Test
    void staleCopyOfAGenerousRefundIsNoticed() {
        History history = new History("10/s burst 100", 1);
        history.acquire(0, 70);
        history.refund(0, 1, 0);
        history.acquire(0, 10);
        history.clock.advance(1_100_000);
        history.refund(0, 10, 1);
        history.refundLatest(0, 40);
        history.acquire(1, 15);
        history.acquire(0, 40);
        history.acquire(0, 10);
        history.acquire(1, 1);
        history.clock.advance(1_000_000);
        history.refund(0, 10, 4);
        history.refund(1, 15, 2);
    }

    /** A refund of an old segment lowers the starts of later ones, which the second instance has seen. */
    @Test
    void staleCopyOfASegmentIsNoticed() {
        History history = new History("20/s sliding", 1);
        history.acquire(0, 5);
        history.clock.advance(100_000);
        history.acquire(1, 10);
        history.clock.advance(1_000);
        history.refund(0, 5, 0);
        history.clock.advance(930_000);
        history.acquire(0, 10);
        history.acquire(1, 5);
    }

    /** A reservation that the second instance has not seen is refunded at its expiry, before the next charge. */
    @Test
    void unseenReservationIsRefundedAtItsExpiry() {
        History history = new History("10/s burst 100", 1);
        history.policy = history.policy.withReservations(new ReservationRules(10, 0, true));
        history.acquire(0, 30);
        history.refund(0, 1, 0);
        history.acquire(1, 1);
        history.reserve(history.instances.get(0), UUID.randomUUID(), 15, 1_000_000);
        history.clock.advance(1_200_000);
        history.acquire(1, 1);
    }

    /** One key and its state by the core. */
    private final class History {

        private final Random random;
        private final String where;
        private final VirtualClock clock = new VirtualClock(START);
        private final List<DynamoDbBackend> instances;
        private final List<Policy> policies;
        private final List<Decision.Allowed> charges = new ArrayList<>();
        private final List<Long> costs = new ArrayList<>();
        private final List<Reservation.Receipt> receipts = new ArrayList<>();
        private Policy policy;
        private @Nullable LimitState stored;
        private long latest = START;
        private long earliest;
        private String step = "";

        History(String limits, int seed) {
            this.random = new Random(seed);
            this.where = limits + ", seed " + seed;
            String namespace = "history-" + UUID.randomUUID();
            CountingClient client = new CountingClient();
            int callers = seed % 3 == 0 ? 1 : 2;
            this.instances = new ArrayList<>();
            for (int i = 0; i < callers; i++) {
                instances.add(new DynamoDbBackend(client, CountingClient.TABLE, namespace, clock, () -> {}));
            }
            ReservationRules rules = new ReservationRules(
                    1 + random.nextInt(6), random.nextInt(3) == 0 ? random.nextInt(30) : -1, random.nextBoolean());
            Policy first = Policy.of("p", limits).withReservations(rules);
            this.policies = List.of(
                    first,
                    first,
                    first,
                    Policy.of("p", limits.replaceFirst("^\\d+", "9")).withReservations(rules),
                    Policy.of("p", "5/s burst 17").withReservations(rules),
                    Policy.of("p", "33/s sliding; " + limits).withReservations(rules));
            this.policy = first;
        }

        void next(int number) {
            move();
            if (random.nextInt(25) == 0) {
                policy = policies.get(random.nextInt(policies.size()));
            }
            DynamoDbBackend backend = instances.get(random.nextInt(instances.size()));
            int choice = random.nextInt(100);
            step = where + ", operation " + number + " (" + choice + ") on " + policy.rateLimits();
            if (choice < 25) {
                acquire(backend, cost());
            } else if (choice < 30) {
                acquireBatch(backend, List.of(cost(), cost(), cost()));
            } else if (choice < 34) {
                long cost = cost();
                check(Decision.peek(state(), cost, now()), backend.peek(policy, KEY, cost));
            } else if (choice < 52 && !charges.isEmpty()) {
                int which = charges.size() - 1 - random.nextInt(Math.min(4, charges.size()));
                refund(backend, costs.get(which), charges.get(which).chargedAtMicros());
            } else if (choice < 57) {
                refund(backend, cost(), LimitState.LATEST);
            } else if (choice < 76) {
                reserve(backend);
            } else if (choice < 95 && !receipts.isEmpty()) {
                settle(backend);
            } else if (choice < 97) {
                long micros = 1 + random.nextInt(2_000_000);
                join(backend.block(policy, KEY, micros));
                // A block changes nothing else, so it does not bring the state forward.
                LimitState before = stored == null ? LimitState.carryOver(policy.rateLimits(), null, 0) : stored;
                stored = before.blockedUntil(now() + micros);
            } else if (choice == 99) {
                // The other instance may keep a copy of the item, whose time counts for it.
                earliest = Math.max(earliest, latest);
                join(backend.reset(policy, KEY));
                stored = null;
            }
            checkState();
        }

        /** Moves the clock by nothing up to days, and sometimes back: with two instances by more than a second. */
        private void move() {
            step();
            latest = Math.max(latest, now());
            clock.advance(Math.max(0, earliest - now()));
        }

        private void step() {
            int choice = random.nextInt(30);
            if (choice < 8) {
                return;
            }
            if (choice < 12) {
                clock.advance(1);
            } else if (choice < 26) {
                clock.advance(1 + random.nextInt(400_000));
            } else if (choice < 28) {
                clock.advance(random.nextInt(20_000_000));
            } else if (choice == 28) {
                clock.advance(random.nextLong(4 * 86_400_000_000L));
            } else {
                clock.advance(instances.size() == 1 ? -random.nextInt(900_000) : -1_000_001 - random.nextInt(900_000));
            }
        }

        /** Acquires by an instance, a microsecond later. */
        void acquire(int instance, long cost) {
            clock.advance(1);
            acquire(instances.get(instance), cost);
            checkState();
        }

        /** Refunds permits of the charge of an index, by an instance, a microsecond later. */
        void refund(int instance, long permits, int charge) {
            clock.advance(1);
            refund(instances.get(instance), permits, charges.get(charge).chargedAtMicros());
            checkState();
        }

        void refundLatest(int instance, long permits) {
            clock.advance(1);
            refund(instances.get(instance), permits, LimitState.LATEST);
            checkState();
        }

        private void checkState() {
            check(Decision.peek(state(), 1, now()), instances.get(0).peek(policy, KEY, 1));
        }

        private long now() {
            return clock.micros();
        }

        private long cost() {
            return random.nextInt(8) == 0 ? random.nextInt(40) : random.nextInt(7);
        }

        private LimitState state() {
            return LimitState.carryOver(policy.rateLimits(), stored, now());
        }

        private <T> T join(CompletionStage<T> stage) {
            return stage.toCompletableFuture().join();
        }

        private void check(Decision expected, CompletionStage<Decision> actual) {
            check(expected, join(actual));
        }

        private void check(Decision expected, Decision actual) {
            assertEquals(expected, actual, () -> step);
            if (expected instanceof Decision.Allowed allowed) {
                assertEquals(allowed.chargedAtMicros(), ((Decision.Allowed) actual).chargedAtMicros(), () -> step);
                assertEquals(allowed.nextPermitMicros(), actual.nextPermitMicros(), () -> step);
            }
        }

        private Decision decide(long cost) {
            LimitState state = state();
            if (!state.admits(cost)) {
                return Decision.denied(state, cost, now());
            }
            LimitState charged = state.charge(cost);
            Decision.Allowed allowed = Decision.allowed(charged, now());
            if (cost > 0) {
                // 0 permits change nothing.
                stored = charged;
                charges.add(allowed);
                costs.add(cost);
            }
            return allowed;
        }

        private void acquire(DynamoDbBackend backend, long cost) {
            check(decide(cost), backend.acquire(policy, KEY, cost));
        }

        private void acquireBatch(DynamoDbBackend backend, List<Long> batch) {
            List<Decision> actual = join(backend.acquireBatch(policy, KEY, batch));
            for (int i = 0; i < batch.size(); i++) {
                check(decide(batch.get(i)), actual.get(i));
            }
        }

        private void refund(DynamoDbBackend backend, long permits, long chargedAt) {
            join(backend.refund(policy, KEY, permits, chargedAt));
            if (stored != null) {
                stored = state().refund(permits, chargedAt);
            }
        }

        private void reserve(DynamoDbBackend backend) {
            boolean again = !receipts.isEmpty() && random.nextInt(12) == 0;
            UUID id = again ? receipts.get(receipts.size() - 1).id() : new UUID(random.nextLong(), random.nextLong());
            long ttl = random.nextBoolean() ? 1_000_000 : 1_000_000 + random.nextInt(20_000_000);
            reserve(backend, id, cost(), ttl);
        }

        private void reserve(DynamoDbBackend backend, UUID id, long permits, long ttl) {
            Step<Decision> expected = Reservation.reserve(state(), id, permits, ttl, policy.reservations(), now());
            check(expected.answer(), backend.reserve(policy, KEY, id, permits, ttl));
            if (expected.next() != null && expected.answer() instanceof Decision.Allowed allowed) {
                stored = expected.next();
                receipts.add(new Reservation.Receipt(
                        id, permits, allowed.chargedAtMicros(), allowed.chargedAtMicros() + ttl));
            }
        }

        private void settle(DynamoDbBackend backend) {
            Reservation.Receipt receipt = random.nextInt(12) == 0
                    ? new Reservation.Receipt(UUID.randomUUID(), 3, now(), now() + 1_000_000)
                    : receipts.get(receipts.size() - 1 - random.nextInt(Math.min(5, receipts.size())));
            long actual = random.nextInt(4) == 0 ? receipt.permits() : random.nextInt(2) * random.nextInt(30);
            Step<Settlement> expected = Reservation.settle(state(), receipt, actual, policy.reservations(), now());
            Settlement settled = join(backend.settle(policy, KEY, receipt, actual));
            assertEquals(expected.answer().outcome(), settled.outcome(), () -> step);
            check(expected.answer().after(), settled.after());
            outcomes.merge(settled.outcome(), 1, Integer::sum);
            if (expected.next() != null) {
                stored = expected.next();
            }
        }
    }
}
