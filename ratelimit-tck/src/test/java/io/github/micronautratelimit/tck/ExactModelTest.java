package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.tck.RecordedCall.Verb;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The yardstick itself: recorded traces, and orders of calls that can and cannot be explained. */
class ExactModelTest {

    private static final List<Limit> LIMITS = Limit.parseAll("2/min fixed");
    private static final GoldenTrace.Answer FIRST = new GoldenTrace.Answer(true, 1, 0, 60_000_000);
    private static final GoldenTrace.Answer SECOND = new GoldenTrace.Answer(true, 0, 0, 60_000_000);

    @TestFactory
    Stream<DynamicTest> decidesAsRecorded() {
        return GoldenTraces.read(null).stream()
                .map(trace -> DynamicTest.dynamicTest(trace.name(), () -> {
                    TraceModel model = new TraceModel(
                            trace.limits(),
                            trace.refundedAtExpiry(),
                            trace.rows().get(0).timeMicros());
                    for (GoldenTrace.Row row : trace.rows()) {
                        assertEquals(row.expected(), model.execute(row), trace.name() + ":" + row.line());
                    }
                }));
    }

    @Test
    void overlappingCallsMayTakeEffectInEitherOrder() {
        RecordedCall late = call(Verb.ACQUIRE, 1, 1, 9, SECOND);
        RecordedCall early = call(Verb.ACQUIRE, 1, 2, 8, FIRST);
        assertTrue(explained(late, early));
        assertTrue(explained(early, late));
    }

    @Test
    void callThatWasAnsweredTakesEffectBeforeLaterCalls() {
        RecordedCall second = call(Verb.ACQUIRE, 1, 1, 2, SECOND);
        RecordedCall first = call(Verb.ACQUIRE, 1, 3, 4, FIRST);
        assertFalse(explained(second, first));
    }

    @Test
    void permitThatIsGrantedTwiceIsNotExplained() {
        RecordedCall call = call(Verb.ACQUIRE, 1, 1, 9, FIRST);
        assertFalse(explained(call, call));
        assertTrue(explained(call, call, call(Verb.REFUND, 1, 1, 9, null)));
        assertTrue(explained(call, call, call(Verb.RESET, 0, 1, 9, null)));
    }

    @Test
    void blockIsSeenByCallsThatFollowIt() {
        RecordedCall block = call(Verb.BLOCK, 5, 1, 2, null);
        RecordedCall granted = call(Verb.ACQUIRE, 1, 3, 4, FIRST);
        RecordedCall denied = call(Verb.ACQUIRE, 1, 3, 4, new GoldenTrace.Answer(false, 0, 5, 5));
        assertFalse(explained(block, granted));
        assertTrue(explained(block, denied));
    }

    /** Each call is made by a thread of its own. */
    private static boolean explained(RecordedCall... calls) {
        return !new Linearization(0, Stream.of(calls).map(List::of).toList())
                .after(Set.of(ExactModel.empty(LIMITS, 0)))
                .isEmpty();
    }

    private static RecordedCall call(
            Verb verb, long amount, long invoked, long replied, GoldenTrace.@Nullable Answer answer) {
        return new RecordedCall(verb, LIMITS, amount, null, RecordedCall.UNKNOWN, invoked, replied, answer);
    }
}
