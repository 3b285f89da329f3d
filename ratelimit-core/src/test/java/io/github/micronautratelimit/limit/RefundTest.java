package io.github.micronautratelimit.limit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The permits that a refund to a token bucket gives back, compared with the history of the key without the charge. */
class RefundTest {

    private static final long START = 1_790_000_000_000_000L;

    /** A charge that may be given back. */
    private static final class Taken {

        private final long permits;
        private final long at;
        /** The debt of the key without this charge, in units. */
        private long without;
        /** The smallest debt before an operation since this charge, in units. */
        private long smallest = Long.MAX_VALUE;

        Taken(long permits, long at, long without) {
            this.permits = permits;
            this.at = at;
            this.without = without;
        }
    }

    /** The return of a charge at an instant. */
    private record End(Taken charge, long at) {}

    /** A key, and its history without each of its charges. */
    private static final class Histories {

        private final TokenBucket bucket;
        private @Nullable LimitState state;
        private final List<Taken> charges = new ArrayList<>();
        private long debt;
        private long now = START;
        private long generousAt;

        Histories(TokenBucket bucket) {
            this.bucket = bucket;
        }

        void advance(long micros) {
            now += micros;
            debt = refilled(debt, micros);
            charges.forEach(each -> each.without = refilled(each.without, micros));
        }

        private long refilled(long owed, long micros) {
            return Math.max(0, owed - micros * bucket.unitsPerMicro());
        }

        private LimitState present() {
            charges.forEach(each -> each.smallest = Math.min(each.smallest, debt));
            return bucket.stateAt(state, now);
        }

        @Nullable
        Taken acquire(long permits) {
            if (!bucket.stateAt(state, now).admits(permits)) {
                return null;
            }
            state = present().charge(permits);
            charges.forEach(each -> each.without += units(permits));
            Taken charge = new Taken(permits, now, debt);
            charges.add(charge);
            debt += units(permits);
            return charge;
        }

        private long units(long permits) {
            return permits * bucket.unitsPerPermit();
        }

        /** Returns the units that the charge still takes by definition. */
        long exact(Taken charge) {
            return Math.min(units(charge.permits), Math.min(charge.smallest, debt));
        }

        /** Returns the units of the charge that have not dripped in since. */
        long unpaid(Taken charge) {
            return refilled(units(charge.permits), now - charge.at);
        }

        /** Returns the units that a refund gives back at least. */
        long certain(Taken charge) {
            return charge.at > generousAt ? unpaid(charge) : 0;
        }

        /** Gives a charge back; returns the units. */
        long refund(Taken charge) {
            state = present().refund(charge.permits, charge.at);
            long back = debt - ((TokenBucket.State) state).debtUnits();
            generousAt = back > certain(charge) ? now : generousAt;
            debt -= back;
            charges.remove(charge);
            charges.forEach(each -> each.without = Math.max(0, each.without - back));
            return back;
        }
    }

    /** A refund, whatever else is charged and given back, leaves no more room than the history without the charge. */
    @Property(tries = 3000)
    void refundNeverGivesBackMoreThanTheChargeStillTakes(
            @ForAll long seed, @ForAll @LongRange(min = 1, max = 24) long burst) {
        Random random = new Random(seed);
        TokenBucket bucket = new TokenBucket(random.nextLong(1, 20), random.nextLong(1, 3_000_000), burst);
        Histories key = new Histories(bucket);
        long permitMicros = Math.max(1, bucket.periodMicros() / bucket.permits());
        for (int i = 0; i < 120; i++) {
            key.advance(random.nextInt(3) == 0 ? random.nextLong(2 * permitMicros + 1) : 0);
            if (key.charges.isEmpty() || random.nextInt(5) < 3) {
                key.acquire(random.nextLong(1, 1 + Math.min(4, burst)));
            } else {
                Taken charge = key.charges.get(random.nextInt(key.charges.size()));
                long least = key.certain(charge);
                long exact = key.exact(charge);
                long back = key.refund(charge);
                assertTrue(back <= exact, () -> back + " of " + exact);
                assertTrue(key.debt >= charge.without, () -> key.debt + " instead of " + charge.without);
                assertTrue(back >= least, () -> back + " of at least " + least);
            }
        }
    }

    /** Callers hold permits for up to a second and give them back; others take the permits that come free. */
    @ParameterizedTest
    @CsvSource({
        "10/s, 1, 4",
        "10/s, 1, 16",
        "100/s, 1, 32",
        "100/s, 10, 4",
        "100/s burst 10, 1, 8",
        "100/min, 1, 8",
        "100/min, 5, 16",
        "1000/min, 20, 32",
        "5/s burst 20, 2, 8",
        "1000/s burst 200, 3, 64"
    })
    void refundOnAContendedKeyGivesBackNearlyEverything(String limit, long permits, int callers) {
        Random random = new Random(callers);
        TokenBucket bucket = (TokenBucket) Limit.parse(limit);
        Histories key = new Histories(bucket);
        PriorityQueue<End> held = new PriorityQueue<>(Comparator.comparingLong(End::at));
        long wanted = 0;
        long back = 0;
        for (int i = 0; i < 30_000; i++) {
            key.advance(random.nextLong(1, 2_000));
            Taken charge = held.size() < callers ? key.acquire(permits) : null;
            if (charge != null) {
                held.add(new End(charge, key.now + random.nextLong(1_000_000)));
            }
            key.charges.remove(key.acquire(permits));
            while (!held.isEmpty() && held.element().at <= key.now) {
                wanted += key.exact(held.element().charge);
                back += key.refund(held.remove().charge);
            }
        }
        assertTrue(wanted > 100 * bucket.unitsPerPermit(), () -> "too few refunds to judge");
        assertTrue(back >= 0.95 * wanted, back + " of " + wanted);
    }

    /** Only a key that has had refunds remembers more than its debt, until it is full and its charges are repaid. */
    @ParameterizedTest
    @CsvSource({"10/s, 1, 0", "10/s, 3, 250000"})
    void firstRefundGivesBackWhatHasNotDrippedIn(String limit, long permits, long micros) {
        TokenBucket bucket = (TokenBucket) Limit.parse(limit);
        Histories key = new Histories(bucket);
        Taken charge = key.acquire(permits);
        assertNotNull(charge);
        key.advance(micros);
        key.acquire(5);
        assertEquals(key.unpaid(charge), key.refund(charge));
        LimitState refunded = key.state;
        assertNotNull(refunded);
        LimitState read = StateCodec.readState(StateCodec.write(refunded));
        assertArrayEquals(StateCodec.write(refunded), StateCodec.write(read));
        int plain = StateCodec.write(bucket.state(key.now, key.debt)).length;
        assertTrue(StateCodec.write(refunded).length > plain);
        assertEquals(
                StateCodec.write(bucket.state(key.now, 0)).length,
                StateCodec.write(bucket.stateAt(read, key.now + 1_000_000)).length);
    }
}
