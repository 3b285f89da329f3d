package io.github.micronautratelimit;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The times for which the requests of this instance hold slots: a smoothed mean per policy. From it comes the time to
 * wait of a denied request, because the backend knows only when leases would expire without a renewal. That is the
 * upper bound: whatever the mean is, a slot of a dead instance is free then.
 *
 * <p>Knows no clock. Safe for use by any number of threads. Memory is bounded by {@value #MAX_POLICIES} policies;
 * further ones have no mean.
 */
final class HoldTimes {

    static final int MAX_POLICIES = 1_000;

    /** The mean moves by this part of the difference to each new time. */
    private static final int SMOOTHING = 8;

    private static final long SHORTEST_WAIT_MICROS = 1_000;

    private final Map<String, Long> meanMicros = new ConcurrentHashMap<>();

    /**
     * Records the end of a request.
     *
     * @param policy     the name of its policy
     * @param heldMicros the time for which it held its slot, in microseconds
     */
    void released(String policy, long heldMicros) {
        if (meanMicros.size() < MAX_POLICIES || meanMicros.containsKey(policy)) {
            meanMicros.merge(policy, heldMicros, (mean, held) -> mean + (held - mean) / SMOOTHING);
        }
    }

    /**
     * Returns a decision on a slot with the expected time until a slot is free: the mean, and at most the time that the
     * backend has returned. Before the first request has ended, the decision stays as it is.
     */
    Decision estimated(Policy policy, Decision decision) {
        Long mean = meanMicros.get(policy.name());
        // Under other fallbacks than "local", no holder decides when a request can pass.
        if (mean == null || decision.source() == Decision.Source.FALLBACK && policy.onError() != OnError.LOCAL) {
            return decision;
        }
        long wait = Math.min(decision.nextPermitMicros(), Math.max(SHORTEST_WAIT_MICROS, mean));
        return decision.allowed()
                ? new Decision.Allowed(
                        decision.remaining(),
                        decision.resetAfterMicros(),
                        decision.source(),
                        wait,
                        Decision.Allowed.UNKNOWN_TIME)
                : new Decision.Denied(
                        decision.remaining(),
                        wait,
                        decision.resetAfterMicros(),
                        decision.deniedBy(),
                        decision.source());
    }
}
