package io.github.micronautratelimit.guard;

import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;

/** The calls with the same deadline. They expire in the order in which they began, so a plain queue is sorted. */
final class DeadlineQueue {

    private final Queue<GuardedCall<?>> calls = new ConcurrentLinkedQueue<>();
    private final long nanos;
    private final Runnable watched;

    /** Creates an empty queue that runs a callback after each call added. */
    DeadlineQueue(Duration deadline, Runnable watched) {
        this.nanos = deadline.toNanos();
        this.watched = watched;
    }

    /** Starts a call and expires it at the deadline. */
    <T> CompletableFuture<T> await(GuardedCall<T> call) {
        CompletableFuture<T> outcome = call.start();
        if (!call.isOver()) {
            watch(call);
        }
        return outcome;
    }

    /** Expires the call at the deadline, unless it is over by then. */
    void watch(GuardedCall<?> call) {
        calls.add(call);
        watched.run();
    }

    boolean isEmpty() {
        return calls.isEmpty();
    }

    /**
     * Removes the calls that are over or due, and passes on those that are due.
     *
     * @return nanoseconds until the next call is due; the deadline if there is none
     */
    long sweep(long now, Consumer<GuardedCall<?>> due) {
        for (GuardedCall<?> head = calls.peek(); head != null; head = calls.peek()) {
            if (!head.isOver()) {
                long left = head.begunNanos() + nanos - now;
                if (left > 0) {
                    return Math.min(nanos, left);
                }
                due.accept(head);
            }
            calls.poll();
        }
        return nanos;
    }
}
