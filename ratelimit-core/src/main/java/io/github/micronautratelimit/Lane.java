package io.github.micronautratelimit;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicReference;

import org.jspecify.annotations.Nullable;

/**
 * One policy and key while a call to the store is under way for it, and those who wait for the next.
 *
 * <p>Those who wait are a stack that changes by compare-and-set. It is closed when an answer finds nobody waiting; nobody
 * can join it then, so no caller is ever left behind in a lane that has been forgotten.
 */
final class Lane {

    private static final Waiting NOBODY = new Waiting(0, 0);
    private static final Waiting CLOSED = new Waiting(0, 0);

    private final Coalescer coalescer;
    private final Name name;
    private final AtomicReference<Waiting> latest = new AtomicReference<>(NOBODY);
    private volatile long calledAt;

    Lane(Coalescer coalescer, Name name, long now) {
        this.coalescer = coalescer;
        this.name = name;
        this.calledAt = now;
    }

    /** Callers of the same name share a call. */
    record Name(Policy policy, String key) {
    }

    /** A caller who waits. */
    static final class Waiting {

        private final long permits;
        private final long since;
        private final CompletableFuture<Decision> answer = new CompletableFuture<>();
        private @Nullable Waiting before;
        private int count;

        Waiting(long permits, long since) {
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

    /** By {@link System#nanoTime()}. */
    long calledAt() {
        return calledAt;
    }

    /** Adds a caller to those who wait, unless the lane is closed. */
    boolean join(Waiting caller) {
        Waiting before;
        do {
            before = latest.get();
            if (before == CLOSED) {
                return false;
            }
            caller.before = before;
            caller.count = before.count + 1;
        } while (!latest.compareAndSet(before, caller));
        return true;
    }

    /** Whether a caller who has just joined had better pass by than wait for the answer. */
    boolean isStuck(Waiting caller) {
        return caller.count >= Coalescer.MOST_WAITING || caller.since - calledAt > coalescer.patienceNanos(name.policy);
    }

    /** Lets nobody join any more and tells who waited. */
    List<Waiting> close() {
        return inOrder(latest.getAndSet(CLOSED));
    }

    /** Calls the store for the first caller of an idle key. */
    CompletionStage<Decision> goAlone(long permits) {
        coalescer.called(1);
        CompletableFuture<Decision> answer = RateLimiter.called(
                () -> coalescer.store().acquire(name.policy, name.key, permits)).toCompletableFuture();
        if (answer.isDone()) {
            serve(null);
            return answer;
        }
        // He gets a stage of his own: one that is cancelled would not go on to serve those who wait behind him.
        CompletableFuture<Decision> own = new CompletableFuture<>();
        answer.whenComplete((decision, failure) -> {
            serve(null);
            if (failure == null) {
                own.complete(decision);
            } else {
                own.completeExceptionally(Listeners.unwrapped(failure));
            }
        });
        return own;
    }

    /** Calls the store for these. */
    void go(List<Waiting> callers) {
        List<Waiting> patient = stillWaiting(callers);
        if (patient.isEmpty()) {
            serve(null);
        } else {
            goOn(call(patient));
        }
    }

    /**
     * Calls the store for those who wait, as long as somebody does. An answer is handed out once the next call is made:
     * what its receivers then do on this thread holds nobody up.
     */
    private void serve(@Nullable Call answered) {
        Call before = answered;
        while (true) {
            List<Waiting> callers = next();
            Call call = callers.isEmpty() ? null : call(callers);
            if (before != null) {
                before.handOut();
            }
            if (call == null) {
                return;
            }
            if (!call.answer.isDone()) {
                goOn(call);
                return;
            }
            before = call;
        }
    }

    private void goOn(Call call) {
        call.answer.whenComplete((decisions, failure) -> serve(call));
    }

    /** Those to call for next; if there are none, the lane is closed. */
    private List<Waiting> next() {
        while (true) {
            Waiting all = latest.get();
            if (all == CLOSED) {
                return List.of();
            }
            if (latest.compareAndSet(all, all == NOBODY ? CLOSED : NOBODY)) {
                if (all == NOBODY) {
                    coalescer.forget(this);
                    return List.of();
                }
                List<Waiting> callers = stillWaiting(inOrder(all));
                if (!callers.isEmpty()) {
                    return callers;
                }
            }
        }
    }

    private static List<Waiting> inOrder(Waiting latest) {
        List<Waiting> all = new ArrayList<>(latest.count);
        for (Waiting each = latest; each != null && each != NOBODY && each != CLOSED; each = each.before) {
            all.add(each);
        }
        Collections.reverse(all);
        return all;
    }

    /** Turns those away who have waited too long, and leaves those out who have gone. */
    private List<Waiting> stillWaiting(List<Waiting> callers) {
        long now = System.nanoTime();
        long patience = coalescer.patienceNanos(name.policy);
        for (Waiting caller : callers) {
            if (now - caller.since > patience) {
                caller.answer.completeExceptionally(new RateLimitBackendException(
                        "The store is not asked: it has not answered those who asked before in time.", null, false));
            }
        }
        return callers.stream().filter(caller -> !caller.answer.isDone()).toList();
    }

    private Call call(List<Waiting> callers) {
        calledAt = System.nanoTime();
        coalescer.called(callers.size());
        RateLimitBackend store = coalescer.store();
        CompletionStage<List<Decision>> answer = RateLimiter.called(() -> callers.size() == 1
                ? store.acquire(name.policy, name.key, callers.get(0).permits).thenApply(List::of)
                : store.acquireEach(name.policy, name.key, callers.stream().map(caller -> caller.permits).toList()));
        return new Call(callers, answer.toCompletableFuture());
    }

    /** A call that several callers share. */
    private record Call(List<Waiting> callers, CompletableFuture<List<Decision>> answer) {

        void handOut() {
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
                Throwable failure = Listeners.unwrapped(e);
                callers.forEach(caller -> caller.answer.completeExceptionally(failure));
            }
        }
    }
}
