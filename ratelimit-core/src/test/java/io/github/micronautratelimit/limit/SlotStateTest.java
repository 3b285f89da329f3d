package io.github.micronautratelimit.limit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.UUID;
import org.junit.jupiter.api.Test;

/** The holders of two slots with a lease of ten seconds. */
class SlotStateTest {

    private static final long SECOND = 1_000_000;
    private static final long NOW = 1_790_000_000_000_000L;
    private static final ConcurrencyLimit TWO = new ConcurrencyLimit(2, 10 * SECOND);

    private static final UUID A = new UUID(1, 1);
    private static final UUID B = new UUID(1, 2);
    private static final UUID C = new UUID(2, 1);

    private final SlotState state = new SlotState();

    private void takeBoth() {
        assertTrue(state.acquire(TWO, A, NOW));
        assertTrue(state.acquire(TWO, B, NOW + 3 * SECOND));
    }

    @Test
    void newHolderIsDeniedWhileAllSlotsAreHeld() {
        assertFalse(state.isFull(TWO, NOW));
        assertEquals(2, state.remaining(TWO));
        takeBoth();
        assertEquals(0, state.remaining(TWO));
        assertFalse(state.acquire(TWO, C, NOW + 4 * SECOND));
        assertTrue(state.isFull(TWO, NOW + 10 * SECOND - 1));
        assertTrue(state.acquire(TWO, C, NOW + 10 * SECOND), "the first lease has expired");
        assertFalse(state.acquire(TWO, A, NOW + 10 * SECOND), "its holder has lost it");
    }

    @Test
    void waitIsThatForTheFirstLease() {
        takeBoth();
        assertEquals(6 * SECOND, state.retryAfter(TWO, NOW + 4 * SECOND));
        assertEquals(9 * SECOND, state.resetAfter(NOW + 4 * SECOND));
        assertEquals(0, state.resetAfter(NOW + 13 * SECOND));
        assertEquals(9 * SECOND, state.retryAfter(new ConcurrencyLimit(1), NOW + 4 * SECOND), "of a lowered limit");
        assertEquals(0, state.remaining(new ConcurrencyLimit(1)));
    }

    @Test
    void holderKeepsItsSlotWithTheLaterLease() {
        takeBoth();
        assertTrue(state.acquire(TWO, A, NOW + 5 * SECOND), "again");
        assertEquals(0, state.remaining(TWO));
        assertTrue(state.renew(TWO, B, NOW + SECOND), "by a clock that lags");
        assertEquals(8 * SECOND, state.retryAfter(TWO, NOW + 5 * SECOND));
        assertTrue(state.renew(TWO, A, NOW + 12 * SECOND));
        assertFalse(state.renew(TWO, B, NOW + 13 * SECOND), "its lease has expired");
        assertEquals(1, state.remaining(TWO));
        assertEquals(9 * SECOND, state.resetAfter(NOW + 13 * SECOND));
    }

    @Test
    void releasedSlotIsFree() {
        takeBoth();
        state.release(C);
        assertEquals(0, state.remaining(TWO));
        state.release(A);
        assertEquals(1, state.remaining(TWO));
        assertFalse(state.renew(TWO, A, NOW + 4 * SECOND));
        assertFalse(state.isBlank(NOW + 4 * SECOND));
        state.release(B);
        assertTrue(state.isBlank(NOW + 4 * SECOND));
        assertEquals(0, state.resetAfter(NOW + 4 * SECOND));
    }

    @Test
    void stateIsBlankWhenTheLastLeaseHasExpired() {
        takeBoth();
        assertFalse(state.isFull(TWO, NOW + 10 * SECOND));
        assertFalse(state.isBlank(NOW + 13 * SECOND - 1));
        assertTrue(state.isBlank(NOW + 13 * SECOND));
    }

    @Test
    void joinKeepsAllHoldersAndTheLaterLeases() {
        takeBoth();
        SlotState other = new SlotState();
        assertTrue(other.acquire(TWO, C, NOW));
        assertTrue(other.acquire(TWO, B, NOW));
        SlotState joined = state.join(other);
        assertTrue(joined.isFull(TWO, NOW));
        assertEquals(13 * SECOND, joined.resetAfter(NOW));
        assertTrue(joined.renew(TWO, C, NOW + 10 * SECOND - 1), "the holder of the other copy");
        assertEquals(1, joined.remaining(new ConcurrencyLimit(3)) + 1, "three slots are held");
    }

    @Test
    void writtenSlotsAreReadBack() {
        takeBoth();
        byte[] bytes = StateCodec.write(state);
        assertTrue(StateCodec.isSlots(bytes));
        assertFalse(StateCodec.isSlots(new byte[0]));
        SlotState read = StateCodec.readSlots(bytes);
        assertEquals(0, read.remaining(TWO));
        assertEquals(10 * SECOND, read.retryAfter(TWO, NOW));
        assertEquals(13 * SECOND, read.resetAfter(NOW));
        assertTrue(read.renew(TWO, A, NOW) && read.renew(TWO, B, NOW));
        bytes[1]++;
        assertThrows(IllegalArgumentException.class, () -> StateCodec.readSlots(bytes), "a slot is missing");
        bytes[1] = 100;
        assertThrows(IllegalArgumentException.class, () -> StateCodec.readSlots(bytes), "many are missing");
        byte[] permits = StateCodec.write(
                LimitState.carryOver(Limit.parseAll("5/s"), null, NOW).charge(1));
        assertFalse(StateCodec.isSlots(permits));
        assertThrows(IllegalArgumentException.class, () -> StateCodec.readSlots(permits));
    }

    @Test
    void leaseAndSlotsHaveBounds() {
        assertEquals(1, new ConcurrencyLimit(1, ConcurrencyLimit.SHORTEST_LEASE_MICROS).slots());
        assertEquals(
                ConcurrencyLimit.LONGEST_LEASE_MICROS,
                new ConcurrencyLimit(1, ConcurrencyLimit.LONGEST_LEASE_MICROS).leaseMicros());
        assertEquals(
                "5 concurrent lease 1s", LimitSet.parse("5 concurrent lease 1s").toString());
        assertEquals(
                "5 concurrent lease 1day",
                LimitSet.parse("5 concurrent lease 1day").toString());
    }
}
