package io.github.micronautratelimit;

import io.github.micronautratelimit.internal.Micros;
import io.github.micronautratelimit.limit.LimitState;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The answer to several requests that are decided together: either all are allowed and charged, or none is charged.
 *
 * @param requests the requests
 * @param list     the decision on each request, in the same order and number. After a denial, a request that was not
 *                 denied either shows its key without the charge, or is {@link Decision.Skipped}
 */
public record Decisions(List<PermitRequest> requests, List<Decision> list) {

    /**
     * Creates decisions from copies of both lists.
     *
     * @param requests    the requests
     * @param list        the decision on each request
     * @throws IllegalArgumentException if the lists differ in size
     */
    public Decisions {
        requests = List.copyOf(requests);
        list = List.copyOf(list);
        if (requests.size() != list.size()) {
            throw new IllegalArgumentException("There are " + list.size() + " decisions on " + requests.size()
                    + " requests; a backend must return one decision per request.");
        }
    }

    /**
     * Returns whether every request was allowed.
     *
     * @return {@code true} if the caller may proceed
     */
    public boolean allowed() {
        for (Decision decision : list) {
            if (!decision.allowed()) {
                return false;
            }
        }
        return true;
    }

    /**
     * Returns whether the request was denied only because the store was unavailable; see
     * {@link Decision#isUnavailable}. A denial by a limit counts more.
     *
     * @return {@code true} if no denial is one by a limit
     */
    public boolean isUnavailable() {
        boolean unavailable = false;
        for (int i = 0; i < list.size(); i++) {
            if (list.get(i) instanceof Decision.Denied denial) {
                if (!denial.isUnavailable(requests.get(i).policy())) {
                    return false;
                }
                unavailable = true;
            }
        }
        return unavailable;
    }

    /**
     * Returns the decisions that are enforced, for headers and other answers to clients.
     *
     * @return this without the policies in shadow mode
     */
    public Decisions enforced() {
        List<PermitRequest> enforced = PermitRequest.enforced(requests);
        if (enforced.size() == requests.size()) {
            return this;
        }
        List<Decision> decisions = new ArrayList<>(enforced.size());
        for (int i = 0; i < requests.size(); i++) {
            if (!requests.get(i).policy().isShadow()) {
                decisions.add(list.get(i));
            }
        }
        return new Decisions(enforced, decisions);
    }

    /**
     * Appends decisions on further requests.
     *
     * @param further decisions that were made later
     * @return all decisions
     */
    public Decisions and(Decisions further) {
        List<PermitRequest> allRequests = new ArrayList<>(requests);
        allRequests.addAll(further.requests);
        List<Decision> all = new ArrayList<>(list);
        all.addAll(further.list);
        return new Decisions(allRequests, all);
    }

    /**
     * Returns how long to wait until no denied request would be denied again.
     *
     * @return microseconds; 0 if all were allowed, {@link LimitState#NEVER} if one can never pass
     */
    public long retryAfterMicros() {
        long longest = 0;
        for (Decision decision : list) {
            long micros = decision.retryAfterMicros();
            if (micros == LimitState.NEVER) {
                return LimitState.NEVER;
            }
            longest = Math.max(longest, micros);
        }
        return longest;
    }

    /**
     * Returns {@link #retryAfterMicros()} as a duration.
     *
     * @return how long to wait; zero if all were allowed, empty if one can never pass
     */
    public Optional<Duration> retryAfter() {
        long micros = retryAfterMicros();
        return micros == LimitState.NEVER ? Optional.empty() : Optional.of(Micros.duration(micros));
    }
}
