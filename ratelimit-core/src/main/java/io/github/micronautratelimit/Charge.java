package io.github.micronautratelimit;

import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.SlidingWindow;
import io.github.micronautratelimit.limit.TokenBucket;
import java.util.List;

/**
 * Permits that one request was charged, and how many of them the key still misses later.
 *
 * <p>A refund gives back permits in the present, so a late refund of permits that have come back with time would open
 * room that no request has paid for: in the next window, or in a bucket that was full in between. A store knows nothing
 * about single charges. The decision says enough, however: until {@link Decision#resetAfterMicros} the key misses
 * permits, and how many of them a bucket misses at least. Requests of others only add to that.
 *
 * <p>A decision of {@link OnError#LOCAL} is one on the share of an instance, whose numbers are not those of the policy.
 * It is treated like one under several limits.
 *
 * <p>The age of a charge counts from before the request, so it is rather too high than too low.
 *
 * @param request     the request
 * @param decision    its decision, which allowed it
 * @param beganMicros the time before the request, by the clock of this instance
 */
record Charge(PermitRequest request, Decision decision, long beganMicros) {

    /** The time for which charges under several limits are given back under each of them. */
    private static final long SHORT_MICROS = 1_000_000;

    /** Returns whether there is anything to give back: permits of the store, or of the counters in this process. */
    static boolean isCharged(PermitRequest request, Decision decision) {
        return decision.allowed()
                && !request.policy().rateLimits().isEmpty()
                && (decision.source().isCharged()
                        || decision.source() == Decision.Source.FALLBACK
                                && request.policy().onError() == OnError.LOCAL);
    }

    /** Returns the permits that a refund may give back at an instant: all, some or none of those charged. */
    long permitsTakenAt(long nowMicros) {
        List<Limit> limits = request.policy().rateLimits();
        long age = Math.max(0, nowMicros - beganMicros);
        if (limits.size() == 1 && decision.source() != Decision.Source.FALLBACK) {
            return takenFor(limits.get(0), age);
        }
        for (Limit limit : limits) {
            if (!isTakenFor(limit, age, nowMicros)) {
                return 0;
            }
        }
        return request.permits();
    }

    /** The time until the reset is that of this limit. */
    private long takenFor(Limit limit, long age) {
        long untilReset = decision.resetAfterMicros() - age;
        if (limit instanceof TokenBucket bucket) {
            // Without requests of others, the bucket now misses this many permits. A fraction is rounded.
            double missing = (double) untilReset * bucket.permits() / bucket.periodMicros();
            return Math.min(request.permits(), Math.max(0, Math.round(missing)));
        }
        long further =
                limit instanceof SlidingWindow window ? limit.longestResetMicros() - 2 * window.segmentMicros() : 0;
        return untilReset > further ? request.permits() : 0;
    }

    /**
     * Says whether a refund under several limits is in time for one of them. The time until the reset may be that of
     * another limit, so the window is the one by the clock of this instance.
     */
    private boolean isTakenFor(Limit limit, long age, long nowMicros) {
        long period = limit.periodMicros();
        if (limit instanceof FixedWindow) {
            return Math.floorDiv(beganMicros, period) == Math.floorDiv(nowMicros, period);
        }
        double life = limit instanceof SlidingWindow sliding
                ? sliding.segmentMicros()
                : (request.permits() - 0.5) * period / limit.permits();
        return age <= Math.max(SHORT_MICROS, life);
    }

    /**
     * Returns the decision as the key stands after a refund, if no other request has changed it. Windows do not say
     * when the rest of their permits comes back, so the time until the reset is then the one before.
     */
    Decision decisionWithout(long permits) {
        List<Limit> limits = request.policy().rateLimits();
        long capacity = request.policy().capacity();
        long remaining = Math.min(capacity, decision.remaining() + permits);
        long reset = decision.resetAfterMicros();
        if (remaining == capacity && limits.size() == 1) {
            reset = 0;
        } else if (limits.size() == 1 && limits.get(0) instanceof TokenBucket bucket) {
            reset = Math.max(0, reset - bucket.microsToRepay(permits * bucket.unitsPerPermit()));
        }
        return new Decision.Allowed(remaining, reset, decision.source());
    }
}
