package io.github.micronautratelimit.hotkey;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimitBackendException;
import io.github.micronautratelimit.internal.Futures;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * The callers of one policy and key that wait for the running call to the store.
 *
 * <p><em>Waiting.</em> Waiting callers form a stack that changes by compare-and-set. The thread that receives an answer
 * takes the whole stack, reverses it into the order of arrival and makes the next call for these callers.
 *
 * <p><em>Closing.</em> An answer that finds the stack empty closes the queue and removes it. No caller can join a
 * closed queue, so no caller is left behind in a removed one. A caller that passes a stuck call closes the queue too.
 *
 * <p><em>Throttling.</em> If the store throttles a call, the queue stays busy for a random delay. Then the callers of
 * that call and all that have arrived since share the next one. A caller whose time is nearly over fails.
 *
 * <p><em>Completion.</em> Answered callers complete after the next call has been made, so that their callbacks on this
 * thread do not delay it. Calls that are answered at once are served in a loop, not by recursion.
 */
final class KeyQueue {

    /** The most callers that wait for one call and share the next. */
    static final int MAX_WAITING = 1000;

    private static final Caller NO_CALLER = new Caller(0, 0);
    private static final Caller CLOSED = new Caller(0, 0);

    private final Store store;
    private final Name name;
    private final AtomicReference<Caller> latest = new AtomicReference<>(NO_CALLER);
    private volatile long calledAt;

    KeyQueue(Store store, Name name, long now) {
        this.store = store;
        this.name = name;
        this.calledAt = now;
    }

    /** The store that the callers share, and the queues of its keys. */
    interface Store {

        RateLimitBackend backend();

        /** Counts a call for several callers. */
        void countCall(int callers);

        /** Returns the time of the monotonic clock. */
        long nanoTime();

        /** Returns how long a caller waits behind a running call. */
        long timeoutNanos(Policy policy);

        /** Delays calls that the store has throttled. */
        ThrottledCalls throttled();

        /** Removes a closed queue. */
        void remove(KeyQueue queue);
    }

    /** Callers of the same policy and key share calls. */
    record Name(Policy policy, String key) {}

    /** A waiting caller. */
    static final class Caller {

        private final long permits;
        private final long since;
        private final CompletableFuture<Decision> answer = new CompletableFuture<>();
        private @Nullable Caller before;
        private int count;

        Caller(long permits, long since) {
            this.permits = permits;
            this.since = since;
        }

        CompletionStage<Decision> answer() {
            return answer;
        }
    }

    Name name() {
        return name;
    }

    /** Returns the start of the running call, by {@link Store#nanoTime()}. */
    long calledAt() {
        return calledAt;
    }

    /** Adds a caller, unless the queue is closed. */
    boolean join(Caller caller) {
        Caller before;
        do {
            before = latest();
            if (before == CLOSED) {
                return false;
            }
            caller.before = before;
            caller.count = before.count + 1;
        } while (!latest.compareAndSet(before, caller));
        return true;
    }

    private Caller latest() {
        return Objects.requireNonNull(latest.get());
    }

    /** Returns whether a caller that has just joined should start a new call instead of waiting. */
    boolean isStuck(Caller caller) {
        return caller.count >= MAX_WAITING || caller.since - calledAt > store.timeoutNanos(name.policy);
    }

    /** Closes the queue and returns the callers that waited. */
    List<Caller> close() {
        return inOrder(Objects.requireNonNull(latest.getAndSet(CLOSED)));
    }

    /** Calls the store for the first caller of an idle key. */
    CompletionStage<Decision> callAlone(long permits) {
        store.countCall(1);
        CompletableFuture<Decision> answer = Futures.call(() -> store.backend().acquire(name.policy, name.key, permits))
                .toCompletableFuture();
        if (answer.isDone() && !answer.isCompletedExceptionally()) {
            serve(null);
            return answer;
        }
        // A separate stage: if the caller cancels it, the answer still serves the callers that wait.
        Caller own = new Caller(permits, calledAt);
        answer.whenComplete((decision, failure) -> {
            if (!isRepeated(List.of(own), failure, 1)) {
                serve(null);
                if (failure == null) {
                    own.answer.complete(decision);
                } else {
                    own.answer.completeExceptionally(Futures.unwrap(failure));
                }
            }
        });
        return own.answer;
    }

    /**
     * If the store throttled a call, makes it again later, for these callers and those that arrive until then. Fails
     * the callers without time for that.
     *
     * @param repetition the number of the call to make, 1 for the first repetition
     * @return whether the call will be made, so that these callers have an answer or get one
     */
    private boolean isRepeated(List<Caller> callers, @Nullable Throwable failure, int repetition) {
        if (failure == null || !ThrottledCalls.isThrottled(failure)) {
            return false;
        }
        Throwable cause = Futures.unwrap(failure);
        long delay = store.throttled().delayNanos(repetition, store.timeoutNanos(name.policy));
        List<Caller> patient = patient(callers, store.nanoTime() + delay);
        if (patient.isEmpty() || !store.throttled().after(delay, () -> repeat(patient, cause, repetition))) {
            return false;
        }
        failImpatient(callers, patient, cause);
        return true;
    }

    private void repeat(List<Caller> callers, Throwable cause, int repetition) {
        List<Caller> all = new ArrayList<>(callers);
        all.addAll(arrived());
        List<Caller> patient = patient(all, store.nanoTime());
        failImpatient(all, patient, cause);
        callFor(patient, repetition);
    }

    /** Returns the callers that still wait and have time for a call that is made then. */
    private List<Caller> patient(List<Caller> callers, long then) {
        long patience = ThrottledCalls.patienceNanos(store.timeoutNanos(name.policy));
        return callers.stream()
                .filter(caller -> !caller.answer.isDone() && then - caller.since < patience)
                .toList();
    }

    private static void failImpatient(List<Caller> callers, List<Caller> patient, Throwable cause) {
        if (patient.size() < callers.size()) {
            Set<Caller> kept = new HashSet<>(patient);
            callers.stream()
                    .filter(caller -> !kept.contains(caller))
                    .forEach(caller -> caller.answer.completeExceptionally(cause));
        }
    }

    /** Returns the callers that wait, and keeps the queue open. */
    private List<Caller> arrived() {
        while (true) {
            Caller all = latest();
            if (all == CLOSED || all == NO_CALLER) {
                return List.of();
            }
            if (latest.compareAndSet(all, NO_CALLER)) {
                return inOrder(all);
            }
        }
    }

    /** Calls the store for these callers. */
    void callFor(List<Caller> callers) {
        callFor(callers, 0);
    }

    private void callFor(List<Caller> callers, int repetition) {
        List<Caller> waiting = stillWaiting(callers);
        if (waiting.isEmpty()) {
            serve(null);
        } else {
            serveAfter(call(waiting), repetition);
        }
    }

    /**
     * Calls the store for the waiting callers until there are none. Completes the answered callers after the next call.
     */
    private void serve(@Nullable SharedCall answered) {
        SharedCall before = answered;
        while (true) {
            List<Caller> callers = next();
            SharedCall call = callers.isEmpty() ? null : call(callers);
            if (before != null) {
                before.complete();
            }
            if (call == null) {
                return;
            }
            if (!call.answer.isDone()) {
                serveAfter(call, 0);
                return;
            }
            if (isRepeated(call.callers, call.failure(), 1)) {
                return;
            }
            before = call;
        }
    }

    private void serveAfter(SharedCall call, int repetition) {
        call.answer.whenComplete((decisions, failure) -> {
            if (!isRepeated(call.callers, failure, repetition + 1)) {
                serve(call);
            }
        });
    }

    /** Returns the callers of the next call; closes the queue if there are none. */
    private List<Caller> next() {
        while (true) {
            Caller all = latest();
            if (all == CLOSED) {
                return List.of();
            }
            if (latest.compareAndSet(all, all == NO_CALLER ? CLOSED : NO_CALLER)) {
                if (all == NO_CALLER) {
                    store.remove(this);
                    return List.of();
                }
                List<Caller> callers = stillWaiting(inOrder(all));
                if (!callers.isEmpty()) {
                    return callers;
                }
            }
        }
    }

    private static List<Caller> inOrder(Caller latest) {
        List<Caller> all = new ArrayList<>(latest.count);
        for (Caller each = latest; each != null && each != NO_CALLER && each != CLOSED; each = each.before) {
            all.add(each);
        }
        Collections.reverse(all);
        return all;
    }

    /** Fails callers that have waited too long, and drops callers that have cancelled. */
    private List<Caller> stillWaiting(List<Caller> callers) {
        long now = store.nanoTime();
        long timeout = store.timeoutNanos(name.policy);
        for (Caller caller : callers) {
            if (now - caller.since > timeout) {
                caller.answer.completeExceptionally(RateLimitBackendException.notCalled(
                        "The store is not called: it has not answered an earlier call for this key in time."));
            }
        }
        return callers.stream().filter(caller -> !caller.answer.isDone()).toList();
    }

    private SharedCall call(List<Caller> callers) {
        calledAt = store.nanoTime();
        store.countCall(callers.size());
        RateLimitBackend backend = store.backend();
        CompletionStage<List<Decision>> answer = Futures.call(() -> callers.size() == 1
                ? backend.acquire(name.policy, name.key, callers.get(0).permits).thenApply(List::of)
                : backend.acquireBatch(
                        name.policy,
                        name.key,
                        callers.stream().map(caller -> caller.permits).toList()));
        return new SharedCall(callers, answer.toCompletableFuture());
    }

    /** A call for several callers. */
    private record SharedCall(List<Caller> callers, CompletableFuture<List<Decision>> answer) {

        /** Returns the failure of an answered call. */
        @Nullable
        Throwable failure() {
            return answer.isCompletedExceptionally()
                    ? answer.handle((decisions, failure) -> failure).join()
                    : null;
        }

        void complete() {
            try {
                List<Decision> decisions = answer.join();
                if (decisions.size() != callers.size()) {
                    throw new CompletionException(new IllegalStateException("The store answered " + decisions.size()
                            + " of " + callers.size() + " requests of a key."));
                }
                for (int i = 0; i < callers.size(); i++) {
                    callers.get(i).answer.complete(decisions.get(i));
                }
            } catch (CompletionException | CancellationException e) {
                Throwable failure = Futures.unwrap(e);
                callers.forEach(caller -> caller.answer.completeExceptionally(failure));
            }
        }
    }
}
