package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Replays recorded traces. For the same instants and permits on a key, a backend must decide like an exact model, to
 * the microsecond. Each trace is one test case with the name of its file.
 *
 * <p>The traces are part of this module. The system property {@code ratelimit.traces=DIR} replays those of a directory
 * instead.
 */
public abstract class GoldenTraceContract {

    /** Creates the suite. */
    protected GoldenTraceContract() {}

    /**
     * Opens the store under test.
     *
     * @return a new instance; the caller closes it
     */
    protected abstract BackendUnderTest open();

    /**
     * Returns the traces as test cases.
     *
     * @return one case per trace, at least one
     */
    @TestFactory
    public Stream<DynamicTest> decidesAsRecorded() {
        return GoldenTraces.read(System.getProperty("ratelimit.traces")).stream()
                .map(trace -> DynamicTest.dynamicTest(trace.name(), () -> replay(trace)));
    }

    private void replay(GoldenTrace trace) {
        try (BackendUnderTest store = open()) {
            assumeTrue(store.keepsReservations() || !trace.hasReservations());
            VirtualClock clock = new VirtualClock(trace.rows().get(0).timeMicros());
            Policy policy =
                    Policy.of("trace-" + UUID.randomUUID(), trace.limits()).withOnError(OnError.CLOSED);
            TraceReplay replay = new TraceReplay(
                    store.connect(clock), clock, TraceReplay.policyOf(policy, trace.refundedAtExpiry()));
            for (GoldenTrace.Row row : trace.rows()) {
                Assertions.assertEquals(
                        row.expected(),
                        replay.execute(row),
                        () -> trace.name() + ":" + row.line() + ": " + row.text() + " under " + trace.limits());
            }
        }
    }
}
