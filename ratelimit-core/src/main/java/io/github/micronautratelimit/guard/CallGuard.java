package io.github.micronautratelimit.guard;

import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackendException;
import io.github.micronautratelimit.StoreFailure;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.internal.Scheduler;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Makes calls to a store under a deadline and behind its circuit breaker. If a call fails, is late or is not made, a
 * fallback decides.
 */
final class CallGuard {

    /** Counts as a timeout: the store is still working on the call and may charge it. */
    @SuppressWarnings("StaticAssignmentOfThrowable") // without a stack trace
    private static final TimeoutException NOT_AWAITED = new NotAwaited();

    private static final Consumer<StoreFailure> UNREPORTED = failure -> {};

    private final StoreHealth health;
    private final Duration deadline;
    private final Deadlines deadlines;
    private final Scheduler scheduler;
    private final DeadlineQueue usual;
    private final Consumer<StoreFailure> failures;
    private final RateLimitBackendException notCalled;

    /** Creates a call guard that passes failed calls on, one failure per policy. */
    CallGuard(
            StoreHealth health, String name, Duration deadline, Deadlines deadlines, Consumer<StoreFailure> failures) {
        this.health = health;
        this.deadline = deadline;
        this.deadlines = deadlines;
        this.scheduler = deadlines.scheduler();
        this.usual = deadlines.of(deadline);
        this.failures = failures;
        this.notCalled = RateLimitBackendException.notCalled(
                "The rate limit store \"" + name + "\" is not called: its circuit breaker is open.");
    }

    /**
     * Makes a call for a decision under one policy; see {@link #decide(Policy, String, Supplier, Consumer, Function)}.
     */
    <T> CompletionStage<T> decide(
            Policy policy, String key, Supplier<CompletionStage<T>> call, Function<Throwable, T> fallback) {
        return decide(policy, key, call, answer -> {}, fallback);
    }

    /**
     * Makes a call for a decision under one policy, and reports its failure. With a deadline of zero the fallback
     * decides unless the store has answered at once.
     *
     * @param answered receives the answer of the store before the caller does, if it is the answer to the caller
     */
    <T> CompletionStage<T> decide(
            Policy policy,
            String key,
            Supplier<CompletionStage<T>> call,
            Consumer<T> answered,
            Function<Throwable, T> fallback) {
        return guarded(policy.deadline(), request(policy, key), call, failures, answered, fallback);
    }

    /** Makes a call. If the breaker is open, the call is not made and the stage has failed. */
    <T> CompletionStage<T> call(Policy policy, String key, Supplier<CompletionStage<T>> call) {
        return health.isCallingStore(policy, key) ? Futures.call(call) : CompletableFuture.failedFuture(notCalled);
    }

    /** Awaits the answer of a {@link #call} for a decision; the deadline begins now. */
    <T> CompletionStage<T> await(
            Policy policy,
            String key,
            CompletionStage<T> answer,
            Consumer<T> answered,
            Function<Throwable, T> fallback) {
        return awaited(policy.deadline(), request(policy, key), answer, failures, answered, fallback);
    }

    /** Makes a call for decisions under several policies. It may take no longer than any of them allows. */
    <T> CompletionStage<T> decideAll(
            List<PermitRequest> requests,
            Supplier<CompletionStage<T>> call,
            Consumer<T> answered,
            Function<Throwable, T> fallback) {
        return guarded(shortestDeadline(requests), requests, call, failures, answered, fallback);
    }

    private Duration shortestDeadline(List<PermitRequest> requests) {
        Duration shortest = deadline;
        for (PermitRequest request : requests) {
            Duration own = request.policy().deadline();
            shortest = own != null && own.compareTo(shortest) < 0 ? own : shortest;
        }
        return shortest;
    }

    /** Makes a call that keeps a slot or gives one back, and reports its failure. Waits even for a deadline of zero. */
    <T> CompletionStage<T> executeReported(
            Policy policy, String key, Supplier<CompletionStage<T>> call, Function<Throwable, T> fallback) {
        return guarded(deadlineOfExecution(policy), request(policy, key), call, failures, answer -> {}, fallback);
    }

    /**
     * Makes a call that is not a decision. Waits even for a deadline of zero, because no fallback could answer.
     *
     * @param answered receives the answer of the store before the caller does
     */
    <T> CompletionStage<T> execute(
            Policy policy,
            String key,
            Supplier<CompletionStage<T>> call,
            Consumer<T> answered,
            Function<Throwable, T> fallback) {
        return guarded(deadlineOfExecution(policy), request(policy, key), call, UNREPORTED, answered, fallback);
    }

    /** Fails a call; the fallback of calls that on-error cannot answer. */
    @SuppressWarnings("TypeParameterUnusedInFormals") // never returns
    static <T> T fail(Throwable failure) {
        throw RateLimitBackendException.of(failure);
    }

    private static List<PermitRequest> request(Policy policy, String key) {
        return List.of(new PermitRequest(policy, key, 0));
    }

    private static void report(
            List<PermitRequest> requests, Throwable failure, long nanos, Consumer<StoreFailure> reported) {
        if (reported != UNREPORTED) {
            StoreFailure.of(requests, failure, nanos).forEach(reported);
        }
    }

    private static @Nullable Duration deadlineOfExecution(Policy policy) {
        Duration own = policy.deadline();
        return own == null || own.isZero() ? null : own;
    }

    private <T> CompletionStage<T> guarded(
            @Nullable Duration own,
            List<PermitRequest> requests,
            Supplier<CompletionStage<T>> call,
            Consumer<StoreFailure> reported,
            Consumer<T> answered,
            Function<Throwable, T> fallback) {
        CompletionStage<T> answer =
                health.isCallingStore(requests) ? Futures.call(call) : CompletableFuture.failedFuture(notCalled);
        return awaited(own, requests, answer, reported, answered, fallback);
    }

    private <T> CompletionStage<T> awaited(
            @Nullable Duration own,
            List<PermitRequest> requests,
            CompletionStage<T> made,
            Consumer<StoreFailure> reported,
            Consumer<T> answered,
            Function<Throwable, T> fallback) {
        long begun = scheduler.nanoTime();
        CompletableFuture<T> answer = made.toCompletableFuture();
        boolean neverWaits = own != null && own.isZero();
        if (neverWaits && !answer.isDone()) {
            usual.await(settle(answer, requests, begun, reported, late -> {}, CallGuard::<T>fail));
            return completed(fallback, NOT_AWAITED);
        }
        DeadlineQueue queue = own == null || neverWaits ? usual : deadlines.of(own);
        return queue.await(settle(answer, requests, begun, reported, answered, fallback));
    }

    private static <T> CompletionStage<T> completed(Function<Throwable, T> fallback, Throwable failure) {
        return Futures.call(() -> CompletableFuture.completedFuture(fallback.apply(failure)));
    }

    private <T> GuardedCall<T> settle(
            CompletableFuture<T> answer,
            List<PermitRequest> requests,
            long begun,
            Consumer<StoreFailure> reported,
            Consumer<T> answered,
            Function<Throwable, T> fallback) {
        return new GuardedCall<>(answer, begun) {

            @Override
            void succeeded(T value) {
                health.succeeded(requests);
                answered.accept(value);
            }

            @Override
            T fallback(Throwable failure) {
                if (failure != notCalled) {
                    health.failed(requests, failure);
                }
                report(requests, failure, scheduler.nanoTime() - begunNanos(), reported);
                return fallback.apply(failure);
            }
        };
    }

    /** A caller with a deadline of zero does not wait for an answer that is under way. */
    private static final class NotAwaited extends TimeoutException {

        private static final long serialVersionUID = 1L;

        NotAwaited() {
            super("The caller does not wait for the store.");
        }

        /** One shared instance has no meaningful stack trace. */
        @Override
        public synchronized Throwable fillInStackTrace() {
            return this;
        }
    }
}
