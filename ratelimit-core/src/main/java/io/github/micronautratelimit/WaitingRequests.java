package io.github.micronautratelimit;

import io.github.micronautratelimit.WaitingCaller.Outcome;
import io.github.micronautratelimit.internal.Futures;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * Takes permits and slots, and waits in turn for those that are not free. A request makes an attempt at once if no
 * caller waits for the same key, and joins the queue of the key otherwise. It is reported once, with its final
 * decision. Safe for use by any number of threads.
 */
final class WaitingRequests {

    private final RateLimitBackend backend;
    private final EventDispatcher events;
    private final Penalties penalties;
    private final HoldTimes holdTimes;
    private final WaitingQueues queues;

    WaitingRequests(
            RateLimitBackend backend,
            EventDispatcher events,
            Penalties penalties,
            HoldTimes holdTimes,
            WaitingQueues queues) {
        this.backend = backend;
        this.events = events;
        this.penalties = penalties;
        this.holdTimes = holdTimes;
        this.queues = queues;
    }

    /** Returns a wait in nanoseconds, or throws an {@link IllegalArgumentException} if it is out of range. */
    static long requireNanos(Duration maxWait) {
        if (maxWait.isNegative() || maxWait.compareTo(PolicyOptions.LONGEST_WAIT) > 0) {
            throw new IllegalArgumentException(
                    "A caller waits at most " + maxWait + "; write 0 to not wait, or at most 1 hour.");
        }
        return maxWait.toNanos();
    }

    /** Takes permits of one policy. */
    CompletionStage<Decision> acquire(Policy policy, String key, long permits, long maxWaitNanos) {
        boolean reported = !events.isEmpty() || policy.penalty() != null;
        if (reported || queues.waiting() > 0) {
            return start(new DecisionCaller(new PermitRequest(policy, key, permits), maxWaitNanos));
        }
        CompletionStage<Decision> answer = Futures.call(() -> backend.acquire(policy, key, permits));
        if (answer instanceof CompletableFuture<Decision> made
                && made.isDone()
                && (made.isCompletedExceptionally() || made.join().allowed())) {
            return answer;
        }
        DecisionCaller caller = new DecisionCaller(new PermitRequest(policy, key, permits), maxWaitNanos);
        answer.whenComplete(
                (decision, failure) -> answered(caller, failure == null ? new Outcome(decision) : null, failure));
        return caller;
    }

    /** Does the same on the calling thread, which waits for the decision. */
    Decision acquireBlocking(Policy policy, String key, long permits, long maxWaitNanos) {
        if (events.hasListeners() || policy.penalty() != null || queues.waiting() > 0) {
            return await(start(new DecisionCaller(new PermitRequest(policy, key, permits), maxWaitNanos)));
        }
        Decision decision = backend.acquireBlocking(policy, key, permits);
        if (decision.allowed()) {
            events.count(policy, PermitRequest.Origin.CODE, permits, decision);
            return decision;
        }
        DecisionCaller caller = new DecisionCaller(new PermitRequest(policy, key, permits), maxWaitNanos);
        answered(caller, new Outcome(decision), null);
        return await(caller);
    }

    private static <T> T await(WaitingCaller<T> caller) {
        try {
            return caller.get();
        } catch (ExecutionException e) {
            throw RateLimitBackendException.of(Futures.unwrap(e.getCause() == null ? e : e.getCause()));
        } catch (InterruptedException e) {
            caller.cancel(false);
            Thread.currentThread().interrupt();
            throw new CancellationException("The thread was interrupted while it waited for permits of the policy \""
                    + caller.first().policy().name() + "\"; they are not charged.");
        }
    }

    /**
     * Takes permits of several policies.
     *
     * @param requests  with the keys of the caller
     * @param concealed with the keys of the store
     */
    CompletionStage<Decisions> acquireAll(
            List<PermitRequest> requests, List<PermitRequest> concealed, long maxWaitNanos) {
        return start(new DecisionsCaller(requests, concealed, maxWaitNanos));
    }

    /**
     * Takes permits and slots of several policies.
     *
     * @param requests  with the keys of the caller
     * @param concealed with the keys of the store
     */
    CompletionStage<Lease> leaseAll(List<PermitRequest> requests, List<PermitRequest> concealed, long maxWaitNanos) {
        return start(new LeaseCaller(requests, concealed, maxWaitNanos));
    }

    /** Lets the first caller that waits for a slot try at once. */
    void released(PermitRequest slot) {
        WaitingQueue queue = queues.find(new WaitingQueues.Name(slot.policy().stateName(), slot.key()));
        if (queue != null) {
            queue.tryNow();
        }
    }

    int waiting() {
        return queues.waiting();
    }

    void close() {
        queues.close();
    }

    private <T> WaitingCaller<T> start(Caller<T> caller) {
        WaitingQueue queue = mayWait(caller) ? queues.find(caller.queueName()) : null;
        if (queue != null && queue.join(caller, null)) {
            return caller;
        }
        Futures.call(() -> caller.attempt().tryFor(List.of(caller)))
                .whenComplete(
                        (outcomes, failure) -> answered(caller, failure == null ? outcomes.get(0) : null, failure));
        return caller;
    }

    /** A request that costs nothing is always granted, and one beyond the capacity never is. */
    private static boolean mayWait(WaitingCaller<?> caller) {
        for (PermitRequest request : caller.requests()) {
            if (request.permits() > request.policy().capacity()) {
                return false;
            }
        }
        return caller.requests().size() > 1 || caller.first().permits() > 0;
    }

    private <T> void answered(Caller<T> caller, @Nullable Outcome outcome, @Nullable Throwable failure) {
        if (outcome == null) {
            caller.fail(failure == null ? new IllegalStateException("The backend has not answered.") : failure);
        } else if (outcome.allowed() || !caller.mayWait(outcome, queues.nanoTime())) {
            caller.decide(outcome);
        } else {
            queues.join(caller.queueName(), caller, outcome, caller.isBatched(), caller.attempt());
        }
    }

    private CompletionStage<List<Outcome>> tryPermits(List<WaitingCaller<?>> callers) {
        PermitRequest first = callers.get(0).first();
        if (callers.size() == 1) {
            return backend.acquire(first.policy(), first.key(), first.permits())
                    .thenApply(decision -> List.of(new Outcome(decision)));
        }
        List<Long> costs =
                callers.stream().map(caller -> caller.first().permits()).toList();
        return backend.acquireBatch(first.policy(), first.key(), costs).thenApply(decisions -> decisions.stream()
                .map(decision -> new Outcome(decision))
                .toList());
    }

    private CompletionStage<List<Outcome>> tryAll(List<WaitingCaller<?>> callers) {
        return LeaseAcquisition.acquirePermits(backend, callers.get(0).requests())
                .thenApply(decisions -> List.of(new Outcome(decisions, List.of())));
    }

    private CompletionStage<List<Outcome>> trySlots(List<PermitRequest> requests) {
        LeaseAcquisition acquisition = new LeaseAcquisition(backend, holdTimes, requests, this::released);
        return acquisition.acquire().thenApply(decisions -> List.of(new Outcome(decisions, acquisition.held())));
    }

    /** A caller that reports to the listeners of the limiter, and gives back to its backend. */
    private abstract class Caller<T> extends WaitingCaller<T> {

        private final long begun = events.begin();

        Caller(List<PermitRequest> requests, long maxWaitNanos) {
            super(requests, queues.nanoTime(), maxWaitNanos);
        }

        /** Permits of one policy can be taken for several callers at once. */
        boolean isBatched() {
            return requests().size() == 1;
        }

        Object queueName() {
            return isBatched()
                    ? new WaitingQueues.BatchName(first().policy(), first().key())
                    : new WaitingQueues.Name(first().policy().stateName(), first().key());
        }

        WaitingQueue.Attempt attempt() {
            return isBatched() ? WaitingRequests.this::tryPermits : WaitingRequests.this::tryAll;
        }

        @Override
        final void report(Outcome outcome) {
            events.decided(requests(), outcome.decisions(), begun);
            for (int i = 0; i < requests().size(); i++) {
                penalties.decided(requests().get(i), outcome.decisions().get(i));
            }
        }

        @Override
        final void report(Throwable failure) {
            events.failed(requests(), failure, begun);
        }

        @Override
        final void giveBack(Outcome outcome) {
            outcome.slots().forEach(HeldSlot::giveBack);
            for (int i = 0; i < requests().size(); i++) {
                Charge charge = Charge.of(requests().get(i), outcome.decisions().get(i));
                if (charge != null) {
                    Refunds.refundOrLose(backend, charge);
                }
            }
        }
    }

    private final class DecisionCaller extends Caller<Decision> {

        DecisionCaller(PermitRequest request, long maxWaitNanos) {
            super(List.of(request), maxWaitNanos);
        }

        @Override
        Decision answer(Outcome outcome) {
            return outcome.decisions().get(0);
        }
    }

    private final class DecisionsCaller extends Caller<Decisions> {

        private final List<PermitRequest> unconcealed;

        DecisionsCaller(List<PermitRequest> requests, List<PermitRequest> concealed, long maxWaitNanos) {
            super(concealed, maxWaitNanos);
            this.unconcealed = requests;
        }

        @Override
        Decisions answer(Outcome outcome) {
            return new Decisions(unconcealed, outcome.decisions());
        }
    }

    private final class LeaseCaller extends Caller<Lease> {

        private final List<PermitRequest> unconcealed;
        private final List<PermitRequest> whole;

        LeaseCaller(List<PermitRequest> requests, List<PermitRequest> concealed, long maxWaitNanos) {
            super(LeaseAcquisition.split(concealed), maxWaitNanos);
            this.unconcealed = LeaseAcquisition.split(requests);
            this.whole = concealed;
        }

        /** Requests for slots come last. */
        private boolean hasSlots() {
            return requests().get(requests().size() - 1).policy().rateLimits().isEmpty();
        }

        @Override
        boolean isBatched() {
            return !hasSlots() && super.isBatched();
        }

        /** Callers that want slots wait by the first slot, so that its release lets the first of them try. */
        @Override
        Object queueName() {
            for (PermitRequest request : requests()) {
                if (request.policy().rateLimits().isEmpty()) {
                    return new WaitingQueues.Name(request.policy().stateName(), request.key());
                }
            }
            return super.queueName();
        }

        @Override
        WaitingQueue.Attempt attempt() {
            return hasSlots() ? callers -> trySlots(((LeaseCaller) callers.get(0)).whole) : super.attempt();
        }

        @Override
        Lease answer(Outcome outcome) {
            return new Lease(new Decisions(unconcealed, outcome.decisions()), outcome.slots());
        }
    }
}
