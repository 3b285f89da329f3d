package io.github.micronautratelimit;

import io.github.micronautratelimit.internal.Futures;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/**
 * Decides requests by the candidates of their policies too, and compares both decisions; see
 * {@link Policy#withCandidate}. No caller waits for a candidate. Safe for use by any number of threads.
 */
final class CandidateRequests {

    private final RateLimitBackend backend;
    private final EventDispatcher events;

    CandidateRequests(RateLimitBackend backend, EventDispatcher events) {
        this.backend = backend;
        this.events = events;
    }

    /** A request and the stage of the decision by the candidate of its policy. */
    private record Tried(int index, PermitRequest request, CompletionStage<Decision> answer) {}

    /** Returns whether a policy has a candidate. */
    static boolean areAmong(List<PermitRequest> requests) {
        for (PermitRequest request : requests) {
            if (request.policy().candidate() != null) {
                return true;
            }
        }
        return false;
    }

    /**
     * Makes a call to the backend, and beside it the calls for the candidates, so that the backend may send them
     * together.
     *
     * @param requests the requests, with the keys in the store
     * @param call     decides the same requests
     * @return the answer of the call
     */
    CompletionStage<List<Decision>> beside(
            List<PermitRequest> requests, Supplier<CompletionStage<List<Decision>>> call) {
        long begun = events.begin();
        List<Tried> tried = new ArrayList<>(1);
        List<CompletionStage<List<Decision>>> answer = new ArrayList<>(1);
        backend.together(() -> {
            answer.add(Futures.call(call));
            for (int i = 0; i < requests.size(); i++) {
                PermitRequest request = requests.get(i);
                Policy candidate = request.policy().candidate();
                if (candidate != null) {
                    PermitRequest other =
                            new PermitRequest(candidate, request.key(), request.permits(), request.origin());
                    tried.add(new Tried(
                            i, other, Futures.call(() -> backend.acquire(candidate, other.key(), other.permits()))));
                }
            }
        });
        CompletionStage<List<Decision>> decided = answer.get(0);
        for (Tried one : tried) {
            decided.thenAcceptBoth(one.answer(), (list, candidate) -> compare(requests, list, one, candidate, begun));
        }
        return decided;
    }

    private void compare(
            List<PermitRequest> requests, List<Decision> list, Tried tried, Decision candidate, long begun) {
        Decision own = list.get(tried.index());
        PermitRequest request = requests.get(tried.index());
        boolean allowed = list.stream().allMatch(Decision::allowed);
        if (!allowed && !(own instanceof Decision.Denied)) {
            // Another limit has denied the request, so it is charged to nothing.
            giveBack(tried.request(), candidate);
        } else if (own.isCounted(request.policy())
                && candidate.isCounted(tried.request().policy())) {
            events.compared(request, own, tried.request(), candidate, begun);
        }
    }

    private void giveBack(PermitRequest request, Decision decision) {
        Charge charge = Charge.of(request, decision);
        if (charge != null) {
            Refunds.refundOrLose(backend, charge);
        }
    }

    /** Makes the call for one request, and beside it that for its candidate. */
    CompletionStage<Decision> beside(PermitRequest request) {
        return beside(List.of(request), () -> backend.acquire(request.policy(), request.key(), request.permits())
                        .thenApply(List::of))
                .thenApply(list -> list.get(0));
    }
}
