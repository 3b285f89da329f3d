package io.github.micronautratelimit.simulator.run;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.RateLimiter;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The limits of one request before authentication, or after it, which are decided at once. Reused for each request. Not
 * thread-safe.
 */
final class Stage {

    private final List<BoundRule> rules = new ArrayList<>();
    private final List<PermitRequest> requests = new ArrayList<>();
    private @Nullable BoundRule denying;
    private @Nullable Decisions decisions;

    /** Starts the next request. */
    void clear() {
        rules.clear();
        requests.clear();
        denying = null;
        decisions = null;
    }

    /** Adds a limit. */
    void add(BoundRule rule, PermitRequest request) {
        rules.add(rule);
        requests.add(request);
    }

    /** Denies the request by the configuration of a rule, whatever the limits; the first rule counts. */
    void deny(BoundRule rule) {
        denying = denying == null ? rule : denying;
    }

    /**
     * Decides on the limits, unless the configuration denies the request: then nothing is charged.
     *
     * @param micros the time of the request
     * @return whether the request is allowed; {@code true} if there are no limits
     */
    boolean decide(RateLimiter limiter, long micros) {
        if (denying != null) {
            denying.traffic().addDenied(denying.use(), micros);
            return false;
        }
        if (requests.isEmpty()) {
            return true;
        }
        Decisions decided = requests.size() == 1 ? only(limiter, requests.get(0)) : limiter.tryAcquireAll(requests);
        decisions = decided;
        if (decided.allowed()) {
            return true;
        }
        for (int i = 0; i < rules.size(); i++) {
            if (decided.list().get(i) instanceof Decision.Denied) {
                rules.get(i).traffic().addDenied(rules.get(i).use(), micros);
            }
        }
        return false;
    }

    private static Decisions only(RateLimiter limiter, PermitRequest request) {
        Decision decision = limiter.tryAcquire(request.policy(), request.key(), request.permits());
        return new Decisions(List.of(request), List.of(decision));
    }

    /** Returns the decisions, or {@code null} if no limit was charged. */
    @Nullable
    Decisions decisions() {
        return decisions;
    }
}
