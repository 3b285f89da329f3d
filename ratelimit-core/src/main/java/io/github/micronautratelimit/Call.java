package io.github.micronautratelimit;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;

import org.jspecify.annotations.Nullable;

/** One call to a store: over when the store answers or the deadline passes, whichever is first. */
abstract class Call<T> implements BiConsumer<T, @Nullable Throwable> {

    private final CompletableFuture<T> outcome = new CompletableFuture<>();
    private final CompletableFuture<T> answer;
    private final long begunNanos;
    private boolean claimed;

    Call(CompletableFuture<T> answer, long begunNanos) {
        this.answer = answer;
        this.begunNanos = begunNanos;
    }

    /** The store has answered. */
    abstract void answered(long nanos);

    /** What to answer instead; what it throws, the outcome fails with. Called at most once. */
    abstract T instead(Throwable failure, long nanos);

    final CompletableFuture<T> outcome() {
        return outcome;
    }

    final long begunNanos() {
        return begunNanos;
    }

    final boolean isOver() {
        return outcome.isDone();
    }

    final CompletableFuture<T> await(Deadlines.Lane deadline) {
        answer.whenComplete(this);
        if (!isOver()) {
            deadline.watch(this);
        }
        return outcome;
    }

    @Override
    public final void accept(T value, @Nullable Throwable failure) {
        if (failure != null) {
            fail(Listeners.unwrapped(failure));
        } else if (claim()) {
            answered(System.nanoTime() - begunNanos);
            outcome.complete(value);
        }
    }

    /** The deadline has passed: nobody waits for the answer any more, so what is not sent yet need not be. */
    final void expire() {
        if (claim()) {
            // Before the caller goes on, who may ask the store for something else.
            answer.cancel(false);
            answerInstead(new TimeoutException("The store did not answer in time."));
        }
    }

    final void fail(Throwable failure) {
        if (claim()) {
            answerInstead(failure);
        }
    }

    private void answerInstead(Throwable failure) {
        try {
            outcome.complete(instead(failure, System.nanoTime() - begunNanos));
        } catch (RuntimeException e) {
            outcome.completeExceptionally(e);
        }
    }

    private synchronized boolean claim() {
        boolean first = !claimed;
        claimed = true;
        return first;
    }
}
