package io.github.micronautratelimit;

import io.github.micronautratelimit.internal.Futures;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Decides requests under policies in shadow mode; see {@link Policy#withShadow}. No caller waits for it, and it denies
 * no request. A request that an enforced policy denies is not decided, because the shadow policy would not be charged
 * either if it were enforced. Safe for use by any number of threads.
 */
final class ShadowRequests {

    private final RateLimitBackend backend;
    private final EventDispatcher events;
    private final Penalties penalties;
    private final HoldTimes holdTimes;
    private final Consumer<PermitRequest> released;

    /**
     * Creates requests to a backend.
     *
     * @param released receives each request for a slot when its slot has been released
     */
    ShadowRequests(
            RateLimitBackend backend,
            EventDispatcher events,
            Penalties penalties,
            HoldTimes holdTimes,
            Consumer<PermitRequest> released) {
        this.backend = backend;
        this.events = events;
        this.penalties = penalties;
        this.holdTimes = holdTimes;
        this.released = released;
    }

    /** Decides one request for permits; its key is that in the store. */
    Decision.Shadowed decide(PermitRequest request) {
        long begun = events.begin();
        CompletionStage<Decision> answer = Futures.call(
                () -> backend.acquire(request.policy().rateLimitsOnly(), request.key(), request.permits()));
        answer.whenComplete((decision, failure) ->
                dispatch(List.of(request), decision == null ? List.of() : List.of(decision), failure, begun));
        return new Decision.Shadowed(request.policy().capacity(), answer);
    }

    /**
     * Adds the decisions on requests in shadow mode.
     *
     * @param requests  all requests, as the caller made them
     * @param concealed the same, with the keys in the store
     * @param enforced  the decisions on those that are enforced
     * @return one decision per request
     */
    Decisions add(List<PermitRequest> requests, List<PermitRequest> concealed, Decisions enforced) {
        List<Decision> all = new ArrayList<>(requests.size());
        int next = 0;
        for (int i = 0; i < requests.size(); i++) {
            if (!requests.get(i).policy().isShadow()) {
                all.add(enforced.list().get(next++));
            } else if (enforced.allowed()) {
                all.add(decide(concealed.get(i)));
            } else {
                all.add(new Decision.Skipped(denialSource(enforced)));
            }
        }
        return new Decisions(requests, all);
    }

    /**
     * Adds the permits and slots of requests in shadow mode to a lease.
     *
     * @param requests  all requests, as the caller made them
     * @param concealed the same, with the keys in the store
     * @param enforced  the lease of those that are enforced
     * @return the lease; the decisions on requests in shadow mode follow the others
     */
    Lease add(List<PermitRequest> requests, List<PermitRequest> concealed, Lease enforced) {
        Decisions decisions = enforced.decisions();
        List<ShadowSlots> slots = new ArrayList<>();
        for (int i = 0; i < requests.size(); i++) {
            if (requests.get(i).policy().isShadow()) {
                List<PermitRequest> parts = LeaseAcquisition.split(List.of(requests.get(i)));
                List<Decision> made = enforced.allowed()
                        ? lease(concealed.get(i), slots)
                        : skipped(parts.size(), denialSource(enforced.decisions()));
                decisions = decisions.and(new Decisions(parts, made));
            }
        }
        return enforced.withShadow(decisions, slots);
    }

    /** Decides one request for permits and a slot, and returns a decision for each. */
    private List<Decision> lease(PermitRequest request, List<ShadowSlots> slots) {
        if (request.policy().concurrency() == null) {
            return List.of(decide(request));
        }
        long begun = events.begin();
        List<PermitRequest> parts = LeaseAcquisition.split(List.of(request));
        LeaseAcquisition acquisition = new LeaseAcquisition(backend, holdTimes, List.of(request), released);
        CompletionStage<List<Decision>> answer = acquisition.acquire();
        answer.whenComplete((list, failure) -> dispatch(parts, list == null ? List.of() : list, failure, begun));
        slots.add(new ShadowSlots(request.policy(), answer.thenApply(made -> List.copyOf(acquisition.held()))));
        List<Decision> shadowed = new ArrayList<>(parts.size());
        for (int i = 0; i < parts.size(); i++) {
            int index = i;
            shadowed.add(
                    new Decision.Shadowed(parts.get(i).policy().capacity(), answer.thenApply(list -> list.get(index))));
        }
        return shadowed;
    }

    private static List<Decision> skipped(int number, Decision.Source source) {
        List<Decision> skipped = new ArrayList<>(number);
        for (int i = 0; i < number; i++) {
            skipped.add(new Decision.Skipped(source));
        }
        return skipped;
    }

    private static Decision.Source denialSource(Decisions denial) {
        return denial.list().stream()
                .filter(Decision.Denied.class::isInstance)
                .findFirst()
                .map(Decision::source)
                .orElse(Decision.Source.STORE);
    }

    private void dispatch(
            List<PermitRequest> requests, List<Decision> decisions, @Nullable Throwable failure, long begun) {
        if (failure != null) {
            events.failed(requests, failure, begun);
            return;
        }
        events.shadowed(new Decisions(requests, decisions), begun);
        for (int i = 0; i < decisions.size(); i++) {
            penalties.decided(requests.get(i), decisions.get(i));
        }
    }

    /** Applies a change of the enforced answer. A caller that cancels the result cancels the answer. */
    static <T> CompletionStage<T> join(CompletionStage<T> enforced, UnaryOperator<T> add) {
        CompletableFuture<T> source = enforced.toCompletableFuture();
        CompletableFuture<T> joined = source.thenApply(add);
        joined.whenComplete((result, failure) -> {
            if (joined.isCancelled()) {
                source.cancel(false);
            }
        });
        return joined;
    }
}
