package io.github.micronautratelimit.limit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The bytes of states and limits, and joined states. */
class StateCodecTest {

    private static final long NOW = 1_789_381_217_300_123L;

    /** Returns the state after one charge per second. */
    private static LimitState spent(String limits, long... costs) {
        @Nullable LimitState state = null;
        long now = NOW;
        for (long cost : costs) {
            state = at(limits, state, now).charge(cost);
            now += 1_000_000;
        }
        return at(limits, state, now - 1_000_000);
    }

    private static LimitState at(String limits, @Nullable LimitState state, long now) {
        return LimitState.carryOver(Limit.parseAll(limits), state, now);
    }

    private static void assertSameState(LimitState expected, LimitState actual, String limits) {
        for (long later : new long[] {0, 1, 999_999, 3_000_000, 59_000_000, 86_400_000_000L}) {
            LimitState a = at(limits, expected, NOW + later);
            LimitState b = at(limits, actual, NOW + later);
            assertEquals(a.remaining(), b.remaining());
            assertEquals(a.resetAfter(NOW + later), b.resetAfter(NOW + later));
            assertEquals(
                    Decision.denied(a, a.remaining() + 1, NOW + later),
                    Decision.denied(b, a.remaining() + 1, NOW + later));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "100/min",
                "7/min burst 100",
                "1000000000000/day",
                "100/min sliding",
                "1000000000000/366day sliding",
                "100/day fixed",
                "1/366day",
                "100/min; 100/h sliding; 1000/h fixed"
            })
    void writtenStatesAndLimitsAreReadBack(String limits) {
        List<Limit> parsed = Limit.parseAll(limits);
        long capacity = parsed.stream().mapToLong(Limit::capacity).min().orElseThrow();
        long some = Math.max(1, capacity / 4);
        LimitState state = capacity == 1 ? spent(limits, 1) : spent(limits, some, 0, some, some);
        assertSameState(state, StateCodec.readState(StateCodec.write(state)), limits);
        LimitState fresh = at(limits, null, NOW);
        assertSameState(fresh, StateCodec.readState(StateCodec.write(fresh)), limits);
        assertEquals(parsed, StateCodec.readLimits(StateCodec.write(parsed)));
    }

    /** These bytes are in stores. A version with another form must still read them. */
    @ParameterizedTest
    @CsvSource({"100/min, 01010164808ece1c64dbe189bfeced9603c095a215", "100/day fixed, 0101036480c0ddeec102e6a1014c"})
    void firstFormStaysReadable(String limits, String bytes) {
        LimitState state = spent(limits, 60, 16);
        assertEquals(bytes, HexFormat.of().formatHex(StateCodec.write(state)));
        assertSameState(state, StateCodec.readState(HexFormat.of().parseHex(bytes)), limits);
    }

    @Test
    void tokenBucketStateIsShort() {
        assertTrue(StateCodec.write(spent("100/min", 60)).length <= 24);
    }

    @Test
    void newerFormAndOtherBytesAreRejected() {
        byte[] newer = StateCodec.write(spent("100/min", 60));
        newer[0] = 5;
        String message = assertThrows(IllegalArgumentException.class, () -> StateCodec.readState(newer))
                .getMessage();
        assertTrue(message.contains("form 5") && message.contains("update"), message);
        assertThrows(IllegalArgumentException.class, () -> StateCodec.readLimits(newer));
        byte[] whole = StateCodec.write(spent("100/min sliding", 60, 3));
        for (int length = 0; length < whole.length; length++) {
            byte[] part = Arrays.copyOf(whole, length);
            assertThrows(IllegalArgumentException.class, () -> StateCodec.readState(part));
        }
        assertThrows(IllegalArgumentException.class, () -> StateCodec.readState(new byte[] {1, 1, 9, 1, 1, 1, 1}));
        assertArrayEquals(new byte[] {1, 0}, StateCodec.write(List.of()));
    }

    /**
     * An older version without blocks rejects the form of a blocked state, because it would grant permits to the key.
     */
    @ParameterizedTest
    @CsvSource({
        "100/min, 02fba8fcdaeced9603010164808ece1c64dbe189bfeced9603c095a215",
        "100/day fixed, 02fba8fcdaeced960301036480c0ddeec102e6a1014c"
    })
    void blockedStateHasItsOwnForm(String limits, String bytes) {
        long until = NOW + 59_500_000;
        LimitState open = spent(limits, 60, 16);
        byte[] written = StateCodec.write(open.blockedUntil(until));
        assertEquals(bytes, HexFormat.of().formatHex(written));
        assertSameState(open.blockedUntil(until), StateCodec.readState(written), limits);
        assertArrayEquals(
                StateCodec.write(at(limits, open, until)),
                StateCodec.write(at(limits, StateCodec.readState(written), until)),
                "the usual form after the block");
        for (int length = 0; length < written.length; length++) {
            byte[] part = Arrays.copyOf(written, length);
            assertThrows(IllegalArgumentException.class, () -> StateCodec.readState(part));
        }
    }

    @Test
    void joinKeepsTheLongerBlock() {
        String limits = "100/min";
        LimitState state = spent(limits, 60);
        LimitState longer = state.blockedUntil(NOW + 9_000_000);
        LimitState shorter = spent(limits, 90).blockedUntil(NOW + 5_000_000);
        for (LimitState joined : List.of(
                state.join(longer),
                longer.join(state),
                shorter.join(longer),
                longer.join(shorter),
                longer.join(longer),
                at(limits, null, NOW).join(longer))) {
            assertEquals(9_000_000, at(limits, joined, NOW).retryAfter(1, NOW));
        }
        assertEquals(10, at(limits, longer.join(shorter).unblocked(), NOW).remaining());
    }

    /** Both states continue from the same one. The joined state denies every request that either of them denies. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "100/min",
                "7/min burst 100",
                "100/min sliding",
                "100/min fixed",
                "100/day fixed",
                "100/min; 100/h sliding; 1000/h fixed",
                "300/s; 100/min"
            })
    void joinedStateDeniesLikeBothStates(String limits) {
        LimitState early = spent(limits, 90);
        LimitState late = spent(limits, 10, 0, 0, 0, 40);
        for (List<LimitState> pair : List.of(List.of(early, late), List.of(late, early))) {
            LimitState joined = pair.get(0).join(pair.get(1));
            long longest = Math.max(early.expiresAfter(NOW), late.expiresAfter(NOW));
            for (long later = 4_000_000; later < longest + 2_000_000; later += longest / 97) {
                LimitState at = at(limits, joined, NOW + later);
                long a = at(limits, early, NOW + later).remaining();
                long b = at(limits, late, NOW + later).remaining();
                assertTrue(at.remaining() <= Math.min(a, b));
            }
            assertTrue(at(limits, joined, NOW + longest + 1).isBlank(NOW + longest + 1), "blank when both are");
        }
    }

    @Test
    void joinWithItselfOrABlankStateChangesNothing() {
        for (String limits : List.of("100/min", "100/min sliding", "100/min fixed", "100/min; 100/h sliding")) {
            LimitState state = spent(limits, 10, 20, 30);
            assertSameState(state, state.join(state), limits);
            assertSameState(state, state.join(at(limits, null, NOW)), limits);
            assertSameState(state, at(limits, null, NOW).join(state), limits);
        }
    }

    @Test
    void joinUnderDifferentLimitsComparesPermits() {
        LimitState joined = spent("100/day", 30).join(spent("200/day", 80));
        assertEquals(20, joined.remaining());
    }
}
