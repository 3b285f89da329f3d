package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.guard.Guard;
import io.github.micronautratelimit.tck.FaultyStore.Fault;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** The fixture of one case of {@link FaultContract}: a store with faults behind a guard, and a limiter. */
final class FaultCase implements AutoCloseable {

    /** More failing calls than it takes to open the circuit breaker. */
    static final int CALLS = 30;
    /** The fewest calls that can open the circuit breaker. */
    static final int BREAKER_MINIMUM = 10;

    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final long POLL_NANOS = 5_000_000;
    /** Decisions on a shared machine may take this many deadlines. */
    private static final int SLACK = 10;

    final FaultyStore store;
    final Duration deadline;
    final RecordingBackend backend;
    final Guard guard;
    final RateLimiter limiter;

    FaultCase(FaultyStore store, Duration deadline) {
        this.store = store;
        this.deadline = deadline;
        this.backend = new RecordingBackend(store.backend());
        this.guard = new Guard(backend, "faulty", deadline, 1, MicroClock.system(), failure -> {});
        this.limiter = RateLimiter.builder(guard).unguarded().build();
    }

    /** Skips the case if the store cannot have the fault. */
    void inject(Fault fault) {
        assumeTrue(store.faults().contains(fault), () -> "The store cannot have the fault " + fault + ".");
        store.inject(fault);
    }

    /**
     * Returns a policy with a deadline that no stall of the machine exceeds, for calls that the store must answer. The
     * state of its keys is the same.
     */
    static Policy withLongDeadline(Policy policy) {
        return policy.withDeadline(PATIENCE);
    }

    CompletableFuture<Decision> start(Policy policy) {
        return limiter.async().tryAcquire(policy, "key", 1).toCompletableFuture();
    }

    Decision acquire(Policy policy) {
        return join(start(policy));
    }

    /** Starts all calls before it waits for the first, so that together they take one deadline. */
    List<Decision> acquireConcurrently(Policy policy, int calls) {
        return joinConcurrently(calls, () -> start(policy));
    }

    static <T> T join(CompletionStage<T> stage) {
        return stage.toCompletableFuture()
                .orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS)
                .join();
    }

    /** Starts all calls before it waits for the first. */
    static <T> List<T> joinConcurrently(int calls, Supplier<? extends CompletionStage<T>> call) {
        return Stream.<CompletionStage<T>>generate(call).limit(calls).toList().stream()
                .map(FaultCase::join)
                .toList();
    }

    boolean isBreakerClosed() {
        return guard.stats().breaker().equals("CLOSED");
    }

    /** Returns the calls that failed or were late. */
    long failures() {
        return guard.stats().failures();
    }

    void awaitRecovery() {
        await("the outage is over", () -> guard.isSettled() && isBreakerClosed());
    }

    static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() - end < 0, () -> "Timeout while waiting until " + what + ".");
            LockSupport.parkNanos(POLL_NANOS);
        }
    }

    /** Fails if decisions took far longer than a deadline. */
    void assertInTime(long begunNanos) {
        long nanos = System.nanoTime() - begunNanos;
        assertTrue(
                nanos < SLACK * deadline.toNanos(),
                () -> "The decisions took " + Duration.ofNanos(nanos) + " with a deadline of " + deadline + ".");
    }

    static long allowed(List<Decision> decisions) {
        return decisions.stream().filter(Decision::allowed).count();
    }

    static void assertSource(Decision.Source source, List<Decision> decisions) {
        assertTrue(
                decisions.stream().allMatch(decision -> decision.source() == source),
                () -> "Not all decisions are from " + source + ": " + decisions);
    }

    @Override
    public void close() {
        store.heal();
        limiter.close();
        store.close();
    }
}
