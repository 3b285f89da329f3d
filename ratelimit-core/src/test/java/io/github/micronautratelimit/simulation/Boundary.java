package io.github.micronautratelimit.simulation;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.internal.Futures;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import java.util.function.BiPredicate;
import org.jspecify.annotations.Nullable;

/** The layer below the guard of an instance: sees which calls the guard makes, and for which reason. */
final class Boundary extends ForwardingBackend {

    private static final String PROBE = "ratelimit-probe";

    private final Ledger ledger;
    private final BiPredicate<Policy, String> isCalled;
    private final List<Call> calls = new ArrayList<>();
    private final Map<String, Charges> charges = new HashMap<>();
    private @Nullable Call current;

    /** The knowledge of a caller about its call. */
    enum Outcome {
        NOT_MADE,
        /** Unknown: no answer yet, or a failure that does not say if the call was executed. */
        UNKNOWN,
        REFUSED,
        ANSWERED
    }

    /** The call of a request under one policy or several. */
    static final class Call {

        private final List<PermitRequest> requests;
        private Outcome outcome = Outcome.NOT_MADE;

        Call(List<PermitRequest> requests) {
            this.requests = requests;
        }

        /** Returns the permits of a policy that the store may have charged without an answer. */
        long unknown(Policy policy) {
            return outcome != Outcome.UNKNOWN
                    ? 0
                    : requests.stream()
                            .filter(request -> request.policy() == policy)
                            .mapToLong(PermitRequest::permits)
                            .sum();
        }

        /** Returns whether the store has surely not charged the permits. */
        boolean isUncharged() {
            return outcome == Outcome.NOT_MADE || outcome == Outcome.REFUSED;
        }
    }

    /** The permits of one policy that the fallback of an instance granted, and their charges. */
    static final class Charges {

        private long later;
        private long charged;
        private long unknown;
        private long refunds;
        private boolean denied;

        /** Records permits that are to be charged later. */
        void grant(long permits) {
            later += permits;
        }

        void refund(long permits) {
            refunds += permits;
        }

        long granted() {
            return later;
        }

        long charged() {
            return charged;
        }

        long unknown() {
            return unknown;
        }

        long refunds() {
            return refunds;
        }

        /** Returns whether the store had no room for some of the permits. */
        boolean isDenied() {
            return denied;
        }
    }

    Boundary(RateLimitBackend store, Ledger ledger, BiPredicate<Policy, String> isCalled) {
        super(store);
        this.ledger = ledger;
        this.isCalled = isCalled;
    }

    /** Begins a request: calls until {@link #endRequest} are made for it. */
    Call beginRequest(List<PermitRequest> requests) {
        Call call = new Call(requests);
        calls.add(call);
        current = call;
        return call;
    }

    void endRequest() {
        current = null;
    }

    /** Returns the permits of a policy that the store may have charged for requests without an answer. */
    long unknown(Policy policy) {
        return calls.stream().mapToLong(call -> call.unknown(policy)).sum();
    }

    Charges charges(Policy policy) {
        return charges.computeIfAbsent(policy.name(), name -> new Charges());
    }

    boolean isRequest() {
        return current != null;
    }

    static boolean isProbe(Policy policy) {
        return policy.name().equals(PROBE);
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        CompletionStage<Decision> answer = Futures.call(() -> delegate().acquire(policy, key, permits));
        if (isProbe(policy) || policy.maxPrefetch() > 0) {
            return answer;
        }
        Call call = current;
        return call == null ? charge(policy, permits, answer) : follow(call, answer);
    }

    @Override
    public CompletionStage<List<Decision>> acquireAll(List<PermitRequest> requests) {
        CompletionStage<List<Decision>> answer = Futures.call(() -> delegate().acquireAll(requests));
        Call call = current;
        return call == null ? answer : follow(call, answer);
    }

    @Override
    public CompletionStage<Decision> reserve(Policy policy, String key, UUID id, long permits, long ttlMicros) {
        CompletionStage<Decision> answer = Futures.call(() -> delegate().reserve(policy, key, id, permits, ttlMicros));
        Call call = current;
        return call == null ? answer : follow(call, answer);
    }

    private <T> CompletionStage<T> follow(Call call, CompletionStage<T> answer) {
        call.requests.forEach(request -> ledger.check(
                "no request calls a part whose breaker is open",
                isCalled.test(request.policy(), request.key()),
                request::key));
        call.outcome = Outcome.UNKNOWN;
        return cancelling(answer, answer.handle((value, failure) -> {
            call.outcome = failure == null ? Outcome.ANSWERED : outcome(failure);
            return passedOn(value, failure);
        }));
    }

    private CompletionStage<Decision> charge(Policy policy, long permits, CompletionStage<Decision> answer) {
        Charges account = charges(policy);
        account.unknown += permits;
        return cancelling(answer, answer.handle((decision, failure) -> {
            if (failure == null || outcome(failure) == Outcome.REFUSED) {
                account.unknown -= permits;
            }
            if (failure == null && decision.allowed()) {
                account.charged += permits;
            } else if (failure == null) {
                account.denied = true;
            }
            return passedOn(decision, failure);
        }));
    }

    private static Outcome outcome(Throwable failure) {
        return Futures.unwrap(failure) instanceof TimeoutException ? Outcome.UNKNOWN : Outcome.REFUSED;
    }

    private static <T> T passedOn(T value, @Nullable Throwable failure) {
        if (failure != null) {
            throw new CompletionException(Futures.unwrap(failure));
        }
        return value;
    }

    /** Makes a stage that cancels the answer when it is cancelled itself, as callers at their deadlines do. */
    static <T> CompletionStage<T> cancelling(CompletionStage<T> answer, CompletionStage<T> passedOn) {
        CompletableFuture<T> stage = passedOn.toCompletableFuture();
        stage.whenComplete((value, failure) -> {
            if (stage.isCancelled()) {
                answer.toCompletableFuture().cancel(false);
            }
        });
        return stage;
    }
}
