package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.Reservation.Receipt;
import io.github.micronautratelimit.Reservation.Settlement;
import io.github.micronautratelimit.Reservation.Step;
import io.github.micronautratelimit.ReservationRules;
import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.limit.SlidingWindow;
import io.github.micronautratelimit.limit.TokenBucket;
import io.github.micronautratelimit.tck.VirtualClock;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import org.jspecify.annotations.Nullable;

/**
 * Random histories of all operations on one key, also with changed limits and clocks that go back: each answer of the
 * script equals that of the core, to the microsecond.
 */
@NeedsRedis
class ScriptModelTest {

    private static final int STEPS = 100;
    private static final String[] CALENDARS = {
        "day Europe/Berlin",
        "day Asia/Kathmandu",
        "week from sunday America/New_York",
        "month",
        "month from 31 Europe/Berlin",
        "year from april"
    };

    private static final long[] PERIODS = {
        1, 999, 1_000, 64_001, 1_000_000, 7_000_003, 60_000_000, 86_400_000_000L, 366 * 86_400_000_000L
    };

    /** A policy of few permits, so that a short history meets its limits. */
    @Property(edgeCases = EdgeCasesMode.NONE, shrinking = ShrinkingMode.OFF)
    void decidesLikeTheCore(@ForAll long seed) {
        new History(seed, 20).run();
    }

    /** Numbers that need the most bytes, and that a double cannot multiply exactly. */
    @Property(edgeCases = EdgeCasesMode.NONE, shrinking = ShrinkingMode.OFF)
    void decidesLikeTheCoreWithLargeNumbers(@ForAll long seed) {
        new History(seed, Limit.MAX_PERMITS).run();
    }

    /** The state of a key in the core, beside the same key in Redis. */
    private static final class History {

        private final Random random;
        private final long mostPermits;
        private final String name = "model-" + UUID.randomUUID();
        private final VirtualClock clock;
        private final RedisBackend backend;
        private final StringBuilder log = new StringBuilder();
        private final List<Charge> charges = new ArrayList<>();
        private final List<Receipt> receipts = new ArrayList<>();
        private Policy policy;
        private @Nullable LimitState stored;

        /** Permits and the time of their charge. */
        private record Charge(long permits, long micros) {}

        History(long seed, long mostPermits) {
            this.random = new Random(seed);
            this.mostPermits = mostPermits;
            this.clock = new VirtualClock(1_790_000_163_376_680L + random.nextInt(1_000_000));
            // A call under a calendar quota is repeated if the clock of the caller is far off.
            long ahead = random.nextInt(3) == 0 ? 86_400_000_000L * random.nextLong(-100, 100) : 0;
            this.backend = new RedisBackend(Redis.connection(), "rl-model", clock, () -> clock.micros() + ahead);
            this.policy = newPolicy();
        }

        void run() {
            for (int i = 0; i < STEPS; i++) {
                advance();
                step();
            }
            join(backend.reset(policy, name));
        }

        private void step() {
            switch (random.nextInt(16)) {
                case 0, 1, 2, 3 -> acquire();
                case 4 -> acquireBatch();
                case 5 -> peek();
                case 6, 7 -> refund();
                case 8, 9, 10 -> reserve();
                case 11, 12, 13 -> settle();
                case 14 -> block();
                default -> changeOrReset();
            }
        }

        private long now() {
            return clock.micros();
        }

        private LimitState state() {
            return LimitState.carryOver(policy.rateLimits(), stored, now());
        }

        /** Goes back only while the key has state: a key without state may have been removed, and its time with it. */
        private void advance() {
            long micros = gap();
            if (micros >= 0 || state().resetAfter(now()) > 0) {
                clock.advance(micros);
            }
        }

        private long gap() {
            long period = policy.rateLimits().get(0).periodMicros();
            return switch (random.nextInt(11)) {
                case 0, 1, 2 -> 0;
                case 9 -> Math.min(86_400_000_000L, policy.rateLimits().get(0).longestResetMicros());
                case 3 -> 1;
                case 4 -> random.nextLong(2_000_000);
                case 5 -> period / 64;
                case 6 -> random.nextLong(period);
                case 7 -> random.nextLong(3 * period / 2 + 1);
                case 8 -> -random.nextLong(100_000);
                default -> random.nextInt(4) == 0 ? 86_400_000_000L : random.nextLong(1 + period / 10);
            };
        }

        /** Returns few permits, or about as many as are free. */
        private long permits() {
            long about = Math.max(0, state().remaining() + random.nextInt(5) - 2);
            return switch (random.nextInt(5)) {
                case 0 -> random.nextInt(3);
                case 1 -> about;
                case 2 -> random.nextLong(about + 1);
                default -> random.nextLong(policy.capacity() / 3 + 2);
            };
        }

        private void acquire() {
            long permits = permits();
            log("acquire " + permits);
            Decision expected = charge(permits);
            assertSame(expected, join(backend.acquire(policy, name, permits)));
        }

        private void acquireBatch() {
            List<Long> batch = List.of(permits(), permits(), permits());
            log("acquire " + batch);
            List<Decision> expected = batch.stream().map(this::charge).toList();
            List<Decision> decisions = join(backend.acquireBatch(policy, name, batch));
            for (int i = 0; i < batch.size(); i++) {
                assertSame(expected.get(i), decisions.get(i));
            }
        }

        private Decision charge(long permits) {
            LimitState state = state();
            if (permits == 0 || !state.admits(permits)) {
                return Decision.peek(state, permits, now());
            }
            stored = state.charge(permits);
            charges.add(new Charge(permits, now()));
            return Decision.allowed(stored, now());
        }

        private void peek() {
            long permits = permits();
            log("peek " + permits);
            assertSame(Decision.peek(state(), permits, now()), join(backend.peek(policy, name, permits)));
            assertEquals(state().usage(now()), join(backend.usage(policy, name)), log::toString);
        }

        private void refund() {
            Charge charge = charges.isEmpty() || random.nextInt(10) == 0
                    ? new Charge(permits(), now() - random.nextLong(10_000_000))
                    : charges.get(charges.size() - 1 - random.nextInt(Math.min(5, charges.size())));
            long micros = random.nextInt(5) == 0 ? LimitState.LATEST : charge.micros;
            long permits = random.nextInt(20) == 0 ? Long.MAX_VALUE : charge.permits;
            log("refund " + permits + " of " + micros);
            if (stored != null) {
                stored = state().refund(permits, micros);
            }
            join(backend.refund(policy, name, permits, micros));
            check();
        }

        private void reserve() {
            boolean again = !receipts.isEmpty() && random.nextInt(6) == 0;
            UUID id = again ? receipt().id() : new UUID(random.nextLong(), random.nextLong());
            long permits = permits();
            // Half of the reservations expire at few instants, so that the order of their ids counts.
            long ttl = random.nextBoolean() ? 3_000_000 - now() % 3_000_000 : 1 + random.nextLong(2 * gapAtLeast(1));
            log("reserve " + permits + " for " + ttl + " as " + id + (again ? " again" : ""));
            Step<Decision> step = Reservation.reserve(state(), id, permits, ttl, policy.reservations(), now());
            stored = step.next() == null ? stored : step.next();
            Decision decision = join(backend.reserve(policy, name, id, permits, ttl));
            assertSame(step.answer(), decision);
            if (decision instanceof Decision.Allowed allowed) {
                long chargedAt = allowed.chargedAtMicros();
                receipts.add(new Receipt(id, permits, chargedAt, chargedAt + ttl));
            }
        }

        private long gapAtLeast(long least) {
            return Math.max(least, gap());
        }

        private Receipt receipt() {
            return receipts.get(receipts.size() - 1 - random.nextInt(Math.min(8, receipts.size())));
        }

        private void settle() {
            boolean known = !receipts.isEmpty() && random.nextInt(10) > 0;
            Receipt receipt = known ? receipt() : new Receipt(UUID.randomUUID(), permits(), now() - 5, now() + gap());
            long actual =
                    switch (random.nextInt(6)) {
                        case 0 -> 0;
                        case 1 -> receipt.permits();
                        case 2, 3 -> random.nextLong(receipt.permits() + 1);
                        case 4 -> receipt.permits() + permits();
                        default -> random.nextInt(8) == 0 ? Long.MAX_VALUE : random.nextLong(4 * policy.capacity());
                    };
            log("settle " + receipt + " with " + actual);
            Step<Settlement> step = Reservation.settle(state(), receipt, actual, policy.reservations(), now());
            stored = step.next() == null ? stored : step.next();
            Settlement settlement = join(backend.settle(policy, name, receipt, actual));
            assertEquals(step.answer().outcome(), settlement.outcome(), log::toString);
            assertSame(step.answer().after(), settlement.after());
        }

        private void block() {
            long micros = 1 + random.nextLong(2_000_000);
            log("block " + micros);
            stored = state().blockedUntil(now() + micros);
            join(backend.block(policy, name, micros));
            check();
        }

        private void changeOrReset() {
            if (random.nextInt(4) == 0) {
                log("reset");
                stored = null;
                join(backend.reset(policy, name));
            } else {
                policy = newPolicy();
                log("change to " + policy + " " + policy.reservations());
            }
            check();
        }

        private void check() {
            assertSame(Decision.peek(state(), 1, now()), join(backend.peek(policy, name, 1)));
        }

        private void log(String step) {
            log.append('\n').append(now()).append(' ').append(step);
        }

        private void assertSame(Decision expected, Decision decision) {
            assertEquals(expected, decision, log::toString);
            if (expected instanceof Decision.Allowed allowed) {
                assertEquals(allowed.chargedAtMicros(), ((Decision.Allowed) decision).chargedAtMicros(), log::toString);
            }
            long exact = expected.nextPermitMicros();
            long next = decision.nextPermitMicros();
            assertTrue(
                    next >= exact && next <= Math.max(exact, expected.resetAfterMicros()),
                    () -> log + "\nThe next permit of " + decision + " comes in " + exact + " us.");
        }

        /** Returns other limits of the same name. Half of the time, only one number changes. */
        private Policy newPolicy() {
            List<Limit> limits = new ArrayList<>();
            if (policy != null && random.nextBoolean()) {
                limits.addAll(policy.rateLimits());
                int changed = random.nextInt(limits.size());
                limits.set(changed, like(limits.get(changed)));
            } else {
                int count = random.nextInt(4) == 0 ? 2 + random.nextInt(2) : 1;
                while (limits.size() < count) {
                    limits.add(limit(random.nextInt(7), PERIODS[random.nextInt(PERIODS.length)]));
                }
            }
            long maxDebt =
                    switch (random.nextInt(4)) {
                        case 0, 1 -> ReservationRules.CAPACITY;
                        case 2 -> Math.min(
                                Limit.MAX_PERMITS,
                                random.nextLong(2 * limits.get(0).capacity()));
                        default -> Limit.MAX_PERMITS;
                    };
            int maxOpen = random.nextBoolean() ? 1 + random.nextInt(4) : ReservationRules.MOST_OPEN;
            return Policy.of(name, limits.stream().distinct().toList())
                    .withReservations(new ReservationRules(maxOpen, maxDebt, random.nextBoolean()));
        }

        private Limit like(Limit limit) {
            if (limit instanceof TokenBucket bucket && random.nextBoolean()) {
                return bucket.withBurst(1 + random.nextLong(mostPermits));
            }
            if (limit instanceof FixedWindow window && window.calendar() != null && random.nextBoolean()) {
                return window.withPermits(1 + random.nextLong(mostPermits));
            }
            int kind = limit instanceof TokenBucket ? 0 : limit instanceof FixedWindow ? 3 : 4;
            return limit(kind, limit.periodMicros());
        }

        private Limit limit(int kind, long period) {
            long permits = 1 + random.nextLong(mostPermits);
            if (kind == 3) {
                return new FixedWindow(permits, period);
            } else if (kind == 4) {
                return new SlidingWindow(permits, period);
            }
            if (kind > 4) {
                return Limit.parse(permits + "/" + CALENDARS[random.nextInt(CALENDARS.length)]);
            }
            long burst = 1 + random.nextLong(random.nextBoolean() ? mostPermits : 1_000);
            try {
                return new TokenBucket(permits, period, burst);
            } catch (IllegalArgumentException e) {
                // The numbers together exceed exact arithmetic.
                return new TokenBucket(permits, period, 1).withBurst(burst);
            }
        }

        private static <T> T join(CompletionStage<T> stage) {
            return stage.toCompletableFuture().join();
        }
    }
}
