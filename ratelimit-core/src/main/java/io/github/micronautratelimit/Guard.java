package io.github.micronautratelimit;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;

import io.github.micronautratelimit.memory.MemoryBackend;

/**
 * Stands between the application and a store: every call has a deadline, and a call that fails or is late is answered
 * by the policy's {@link OnError}. A guarded decision therefore never fails.
 *
 * <p>{@link OnError#OPEN} grants, {@link OnError#CLOSED} denies and names the deadline as the time to wait, and
 * {@link OnError#LOCAL} decides on counters in this process. Such decisions say {@link Decision.Source#FALLBACK}. What a
 * late call does to the store it still does: it may cost the permits it asked for.
 */
public final class Guard implements RateLimitBackend {

    private final RateLimitBackend store;
    private final long deadlineMicros;
    private final Listeners listeners;
    private final MemoryBackend local = new MemoryBackend();

    /**
     * A guard.
     *
     * @param store     the backend to guard
     * @param deadline  how long to wait for an answer, 1 ms or more
     * @param listeners are told of every failure
     */
    public Guard(RateLimitBackend store, Duration deadline, List<? extends RateLimitListener> listeners) {
        if (deadline.compareTo(Duration.ofMillis(1)) < 0) {
            throw new IllegalArgumentException("The deadline is 1ms or more, not " + deadline + ".");
        }
        this.store = store;
        this.deadlineMicros = LimitText.micros(deadline);
        this.listeners = new Listeners(listeners);
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return guarded(() -> store.acquire(policy, key, permits), failure -> {
            listeners.failed(policy, failure);
            return without(policy, key, permits);
        });
    }

    @Override
    public CompletionStage<List<Decision>> acquireAll(List<Ask> asks) {
        return guarded(() -> store.acquireAll(asks), failure -> {
            asks.stream().map(Ask::policy).distinct().forEach(policy -> listeners.failed(policy, failure));
            return allWithout(asks);
        });
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return guarded(() -> store.peek(policy, key, permits), failure -> {
            listeners.failed(policy, failure);
            return policy.onError() == OnError.LOCAL
                    ? asFallback(local.peek(policy, key, permits).join())
                    : without(policy, key, permits);
        });
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits) {
        return bounded(() -> store.refund(policy, key, permits));
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        local.reset(policy, key);
        return bounded(() -> store.reset(policy, key));
    }

    @Override
    public void close() {
        store.close();
    }

    /** Decides by the policies alone: all or nothing among those that decide in this process. */
    private List<Decision> allWithout(List<Ask> asks) {
        List<Ask> localAsks = asks.stream().filter(ask -> ask.policy().onError() == OnError.LOCAL).toList();
        if (asks.stream().anyMatch(ask -> ask.policy().onError() == OnError.CLOSED)) {
            localAsks = List.of();
        }
        List<Decision> decided = new ArrayList<>(local.acquireAll(localAsks).join());
        List<Decision> decisions = new ArrayList<>(asks.size());
        for (Ask ask : asks) {
            boolean counted = ask.policy().onError() == OnError.LOCAL && !decided.isEmpty();
            decisions.add(counted ? asFallback(decided.remove(0)) : withoutCounting(ask.policy()));
        }
        return decisions;
    }

    private Decision without(Policy policy, String key, long permits) {
        return policy.onError() == OnError.LOCAL
                ? asFallback(local.acquireBlocking(policy, key, permits))
                : withoutCounting(policy);
    }

    private Decision withoutCounting(Policy policy) {
        return policy.onError() == OnError.CLOSED
                ? new Decision.Denied(0, deadlineMicros, deadlineMicros, List.of(), Decision.Source.FALLBACK)
                : new Decision.Allowed(policy.capacity(), 0, Decision.Source.FALLBACK);
    }

    private static Decision asFallback(Decision decision) {
        return decision instanceof Decision.Denied denied
                ? new Decision.Denied(denied.remaining(), denied.retryAfterMicros(), denied.resetAfterMicros(),
                        denied.deniedBy(), Decision.Source.FALLBACK)
                : new Decision.Allowed(decision.remaining(), decision.resetAfterMicros(), Decision.Source.FALLBACK);
    }

    private <T> CompletionStage<T> guarded(Supplier<CompletionStage<T>> call, Function<Throwable, T> otherwise) {
        CompletableFuture<T> answer = bounded(call);
        return answer.isDone() && !answer.isCompletedExceptionally() ? answer : answer.exceptionally(otherwise);
    }

    /** The answer, or a timeout at the deadline. A copy is timed, so that the store's own stage is left alone. */
    private <T> CompletableFuture<T> bounded(Supplier<CompletionStage<T>> call) {
        try {
            CompletableFuture<T> answer = call.get().toCompletableFuture();
            return answer.isDone() ? answer : answer.copy().orTimeout(deadlineMicros, TimeUnit.MICROSECONDS);
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }
}
