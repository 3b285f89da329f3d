package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** States and limits as bytes, and states that are joined. */
class WireTest {

    private static final long NOW = 1_789_381_217_300_123L;

    private static LimitState spent(String limits, long... costsSecondBySecond) {
        Policy policy = Policy.of("p", limits);
        @Nullable LimitState state = null;
        long now = NOW;
        for (long cost : costsSecondBySecond) {
            state = policy.stateAt(state, now).charge(cost);
            now += 1_000_000;
        }
        return policy.stateAt(state, now - 1_000_000);
    }

    private static void assertSameState(LimitState expected, LimitState actual, Policy policy) {
        for (long later : new long[] {0, 1, 999_999, 3_000_000, 59_000_000, 86_400_000_000L}) {
            LimitState a = policy.stateAt(expected, NOW + later);
            LimitState b = policy.stateAt(actual, NOW + later);
            assertEquals(a.remaining(), b.remaining());
            assertEquals(a.resetAfter(NOW + later), b.resetAfter(NOW + later));
            assertEquals(a.denial(a.remaining() + 1, NOW + later), b.denial(a.remaining() + 1, NOW + later));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"100/min", "7/min burst 100", "1000000000000/day", "100/min sliding",
        "1000000000000/366day sliding", "100/day fixed", "1/366day", "100/min; 100/h sliding; 1000/h fixed"})
    void whatIsWrittenIsRead(String limits) {
        Policy policy = Policy.of("p", limits);
        long some = Math.max(1, policy.capacity() / 4);
        LimitState state = policy.capacity() == 1 ? spent(limits, 1) : spent(limits, some, 0, some, some);
        assertSameState(state, Wire.readState(Wire.write(state)), policy);
        assertSameState(policy.stateAt(null, NOW), Wire.readState(Wire.write(policy.stateAt(null, NOW))), policy);
        assertEquals(policy.limits(), Wire.readLimits(Wire.write(policy.limits())));
    }

    /** These bytes lie in stores: whoever changes the form has to read them still. */
    @ParameterizedTest
    @CsvSource({
        "100/min, 01010164808ece1c64dbe189bfeced9603c095a215",
        "100/day fixed, 0101036480c0ddeec102e6a1014c"})
    void theFirstFormStaysReadable(String limits, String bytes) {
        LimitState state = spent(limits, 60, 16);
        assertEquals(bytes, HexFormat.of().formatHex(Wire.write(state)));
        assertSameState(state, Wire.readState(HexFormat.of().parseHex(bytes)), Policy.of("p", limits));
    }

    @Test
    void aKeyOfATokenBucketTakesFewBytes() {
        assertTrue(Wire.write(spent("100/min", 60)).length <= 24);
    }

    @Test
    void aNewerFormIsRefusedAndSoIsWhatIsNoState() {
        byte[] newer = Wire.write(spent("100/min", 60));
        newer[0] = 3;
        String message = assertThrows(IllegalArgumentException.class, () -> Wire.readState(newer)).getMessage();
        assertTrue(message.contains("form 3") && message.contains("update"), message);
        assertThrows(IllegalArgumentException.class, () -> Wire.readLimits(newer));
        byte[] whole = Wire.write(spent("100/min sliding", 60, 3));
        for (int length = 0; length < whole.length; length++) {
            byte[] part = Arrays.copyOf(whole, length);
            assertThrows(IllegalArgumentException.class, () -> Wire.readState(part));
        }
        assertThrows(IllegalArgumentException.class, () -> Wire.readState(new byte[] {1, 1, 9, 1, 1, 1, 1}));
        assertArrayEquals(new byte[] {1, 0}, Wire.write(List.of()));
    }

    /** An older version, which does not know blocks, refuses such a state: else it would grant what is blocked. */
    @ParameterizedTest
    @CsvSource({
        "100/min, 02fba8fcdaeced9603010164808ece1c64dbe189bfeced9603c095a215",
        "100/day fixed, 02fba8fcdaeced960301036480c0ddeec102e6a1014c"})
    void aBlockedStateHasAFormOfItsOwn(String limits, String bytes) {
        Policy policy = Policy.of("p", limits);
        long until = NOW + 59_500_000;
        LimitState open = spent(limits, 60, 16);
        byte[] written = Wire.write(open.blockedUntil(until));
        assertEquals(bytes, HexFormat.of().formatHex(written));
        assertSameState(open.blockedUntil(until), Wire.readState(written), policy);
        assertArrayEquals(Wire.write(policy.stateAt(open, until)),
                Wire.write(policy.stateAt(Wire.readState(written), until)), "afterwards it is written as always");
        for (int length = 0; length < written.length; length++) {
            byte[] part = Arrays.copyOf(written, length);
            assertThrows(IllegalArgumentException.class, () -> Wire.readState(part));
        }
    }

    @Test
    void ofTwoThatAreJoinedTheLongerBlockWins() {
        LimitState state = spent("100/min", 60);
        LimitState longer = state.blockedUntil(NOW + 9_000_000);
        LimitState shorter = spent("100/min", 90).blockedUntil(NOW + 5_000_000);
        Policy policy = Policy.of("p", "100/min");
        for (LimitState joined : List.of(state.join(longer), longer.join(state), shorter.join(longer),
                longer.join(shorter), longer.join(longer), policy.stateAt(null, NOW).join(longer))) {
            assertEquals(9_000_000, policy.stateAt(joined, NOW).retryAfter(1, NOW));
        }
        assertEquals(10, policy.stateAt(longer.join(shorter).unblocked(), NOW).remaining());
    }

    /** Both went on from the same state: what either of them denies is denied, at any later time. */
    @ParameterizedTest
    @ValueSource(strings = {"100/min", "7/min burst 100", "100/min sliding", "100/min fixed", "100/day fixed",
        "100/min; 100/h sliding; 1000/h fixed", "300/s; 100/min"})
    void joinedStatesDenyWhatEitherDenies(String limits) {
        Policy policy = Policy.of("p", limits);
        LimitState early = spent(limits, 90);
        LimitState late = spent(limits, 10, 0, 0, 0, 40);
        for (List<LimitState> pair : List.of(List.of(early, late), List.of(late, early))) {
            LimitState joined = pair.get(0).join(pair.get(1));
            long longest = Math.max(early.resetAfter(NOW), late.resetAfter(NOW));
            for (long later = 4_000_000; later < longest + 2_000_000; later += longest / 97) {
                LimitState at = policy.stateAt(joined, NOW + later);
                long a = policy.stateAt(early, NOW + later).remaining();
                long b = policy.stateAt(late, NOW + later).remaining();
                assertTrue(at.remaining() <= Math.min(a, b));
            }
            assertTrue(policy.stateAt(joined, NOW + longest + 1).isBlank(NOW + longest + 1), "and no longer");
        }
    }

    @Test
    void joiningAStateWithItselfOrABlankOneChangesNothing() {
        for (String limits : List.of("100/min", "100/min sliding", "100/min fixed", "100/min; 100/h sliding")) {
            Policy policy = Policy.of("p", limits);
            LimitState state = spent(limits, 10, 20, 30);
            assertSameState(state, state.join(state), policy);
            assertSameState(state, state.join(policy.stateAt(null, NOW)), policy);
            assertSameState(state, policy.stateAt(null, NOW).join(state), policy);
        }
    }

    @Test
    void aStateOfOtherNumbersIsJoinedInPermits() {
        LimitState joined = spent("100/day", 30).join(spent("200/day", 80));
        assertEquals(20, joined.remaining());
    }
}
