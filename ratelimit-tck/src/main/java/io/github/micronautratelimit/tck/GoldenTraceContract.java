package io.github.micronautratelimit.tck;

import java.util.UUID;
import java.util.stream.Stream;

import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;

/**
 * Replays recorded traces: for the same instants and permits on a key, a backend must answer to the microsecond what an
 * exact model has answered. One test case per trace, named as its file.
 *
 * <p>The traces come with this class. With the system property {@code ratelimit.traces=FOLDER} those in the folder
 * are replayed instead.
 */
public abstract class GoldenTraceContract {

    /** For subclasses. */
    protected GoldenTraceContract() {
    }

    /**
     * Opens the store under test.
     *
     * @return a new instance; the caller closes it
     */
    protected abstract BackendUnderTest open();

    /**
     * The traces as test cases.
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
            VirtualClock clock = new VirtualClock(trace.rows().get(0).timeMicros());
            RateLimitBackend backend = store.connect(clock);
            Policy policy = new Policy("trace-" + UUID.randomUUID(), trace.limits(), OnError.CLOSED);
            for (GoldenTrace.Row row : trace.rows()) {
                clock.set(row.timeMicros());
                GoldenTrace.Answer got = GoldenTrace.Answer.of(
                        backend.acquire(policy, "key", row.permits()).toCompletableFuture().join());
                Assertions.assertEquals(row.expected(), got, () -> trace.name() + ":" + row.line() + ": "
                        + row.permits() + " permits at " + row.timeMicros() + " under " + trace.limits());
            }
        }
    }
}
