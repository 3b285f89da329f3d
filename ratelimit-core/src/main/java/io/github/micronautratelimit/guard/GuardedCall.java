package io.github.micronautratelimit.guard;

import io.github.micronautratelimit.internal.Futures;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** One call to a store. The answer or the deadline settles it, whichever comes first. */
abstract class GuardedCall<T> implements BiConsumer<T, @Nullable Throwable> {

    private final CompletableFuture<T> outcome = new CompletableFuture<>();
    private final CompletableFuture<T> answer;
    private final long begunNanos;
    private boolean settled;

    GuardedCall(CompletableFuture<T> answer, long begunNanos) {
        this.answer = answer;
        this.begunNanos = begunNanos;
    }

    /** Records an answer in time, before the caller receives it. */
    abstract void succeeded(T value);

    /** Decides after a failure. Runs at most once. The outcome fails with its exception. */
    abstract T fallback(Throwable failure);

    final CompletableFuture<T> outcome() {
        return outcome;
    }

    final long begunNanos() {
        return begunNanos;
    }

    final boolean isOver() {
        return outcome.isDone();
    }

    /** Starts to listen for the answer, which may settle the call at once. */
    final CompletableFuture<T> start() {
        answer.whenComplete(this);
        return outcome;
    }

    @Override
    public final void accept(T value, @Nullable Throwable failure) {
        if (failure != null) {
            fail(Futures.unwrap(failure));
        } else if (settle()) {
            succeeded(value);
            outcome.complete(value);
        }
    }

    /** The deadline has passed. */
    final void expire() {
        if (settle()) {
            // Cancelled before the caller continues, so that a request in a queue is dropped before the next one.
            answer.cancel(false);
            completeByFallback(new TimeoutException("The store did not answer before the deadline."));
        }
    }

    final void fail(Throwable failure) {
        if (settle()) {
            completeByFallback(failure);
        }
    }

    private void completeByFallback(Throwable failure) {
        try {
            outcome.complete(fallback(failure));
        } catch (RuntimeException e) {
            outcome.completeExceptionally(e);
        }
    }

    private synchronized boolean settle() {
        boolean first = !settled;
        settled = true;
        return first;
    }
}
