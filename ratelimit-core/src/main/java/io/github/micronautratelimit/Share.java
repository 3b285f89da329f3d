package io.github.micronautratelimit;

import java.util.ArrayList;
import java.util.List;

/**
 * The part of a policy that one of several instances grants when each decides alone: its limits divided by their number.
 *
 * <p>A bucket's rate is divided exactly. What can be granted at once, a burst or a window's permits, is divided and
 * rounded down, but never to nothing: where there is less than one permit for each instance, each grants one at a time,
 * so seldom that together they keep the rate. 3/min among 5 is one at once and one every 100 s for each of them.
 */
final class Share {

    private final Policy whole;
    private final List<Limit> parts = new ArrayList<>();
    private final Policy policy;

    Share(Policy whole, int instances) {
        this.whole = whole;
        for (Limit limit : whole.limits()) {
            parts.add(instances == 1 ? limit : part(limit, instances));
        }
        this.policy = new Policy(whole.name(), parts.stream().distinct().toList(), whole.onError());
    }

    /** The policy with this share as its limits. */
    Policy policy() {
        return policy;
    }

    /** Of a decision on the share: the whole policy's limits that denied. */
    List<Limit> deniedBy(Decision decision) {
        List<Limit> denied = new ArrayList<>();
        for (int i = 0; i < parts.size(); i++) {
            if (decision.deniedBy().contains(parts.get(i))) {
                denied.add(whole.limits().get(i));
            }
        }
        return denied;
    }

    static Limit part(Limit limit, int instances) {
        if (limit instanceof TokenBucket bucket) {
            return part(bucket, instances);
        }
        long permits = limit.permits() / instances;
        long period = limit.periodMicros();
        if (permits == 0) {
            permits = 1;
            period = atMostLongest(dividedUp(period * instances, limit.permits()));
        }
        return limit instanceof FixedWindow
                ? new FixedWindow(permits, period) : new SlidingWindow(permits, period);
    }

    private static TokenBucket part(TokenBucket bucket, int instances) {
        long burst = Math.max(1, bucket.burst() / instances);
        // As a fraction in lowest terms, unitsPerMicro permits drip in per unitsPerPermit microseconds.
        long permits = bucket.unitsPerMicro();
        long period = bucket.unitsPerPermit() * instances;
        long longest = LimitText.micros(Limit.MAX_PERIOD);
        if (period > longest) {
            permits = Math.max(1, permits / dividedUp(period, longest));
            period = longest;
        }
        return new TokenBucket(permits, period, burst);
    }

    private static long dividedUp(long dividend, long divisor) {
        return (dividend + divisor - 1) / divisor;
    }

    private static long atMostLongest(long periodMicros) {
        return Math.min(periodMicros, LimitText.micros(Limit.MAX_PERIOD));
    }
}
