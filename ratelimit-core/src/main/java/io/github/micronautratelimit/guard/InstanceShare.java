package io.github.micronautratelimit.guard;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.internal.Micros;
import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.SlidingWindow;
import io.github.micronautratelimit.limit.TokenBucket;
import java.util.ArrayList;
import java.util.List;

/**
 * The share of a policy that each instance grants while all of them decide locally: the limits divided by the number of
 * instances.
 *
 * <p>The rate of a bucket is divided exactly. A burst and the permits of a window are divided and rounded down, to one
 * permit at least. If there is less than one permit per instance, the period is extended instead, so that all instances
 * together keep the rate. Each of 5 instances grants one permit per 100 s of 3/min. The windows of a calendar quota
 * stay those of its calendar, unless there is less than one permit per instance.
 *
 * <p>A share never refills more slowly than one permit per 366 days.
 */
final class InstanceShare {

    /** A quarter of the share, see {@link #followed()}. */
    private static final long FURTHER = 4;

    private static final long LONGEST_MICROS = Micros.of(Limit.MAX_PERIOD);

    private final Policy whole;
    private final List<Limit> parts = new ArrayList<>();
    private final Policy policy;
    private final Policy followed;

    InstanceShare(Policy whole, int instances) {
        this.whole = whole;
        for (Limit limit : whole.rateLimits()) {
            parts.add(instances == 1 ? limit : part(limit, instances));
        }
        this.policy = Policy.of(whole.name(), parts.stream().distinct().toList())
                .withOnError(whole.onError())
                .withGeneration(whole.generation());
        this.followed = policy.withLimits(
                policy.rateLimits().stream().map(InstanceShare::followed).toList());
    }

    /** Returns a policy of the same name with the divided limits. */
    Policy policy() {
        return policy;
    }

    /** Returns the limits of the whole policy for the denying limits of a decision on the share. */
    List<Limit> deniedBy(Decision decision) {
        List<Limit> denied = new ArrayList<>();
        for (int i = 0; i < parts.size(); i++) {
            if (decision.deniedBy().contains(parts.get(i))) {
                denied.add(whole.rateLimits().get(i));
            }
        }
        return denied;
    }

    /** Returns the usage of the whole policy, as far as this instance knows it from the usage of its share. */
    List<Limit.Usage> usage(List<Limit.Usage> ofShare) {
        List<Limit.Usage> usage = new ArrayList<>();
        for (int i = 0; i < parts.size(); i++) {
            usage.add(ofShare.get(policy.rateLimits().indexOf(parts.get(i)))
                    .asEstimateOf(whole.rateLimits().get(i)));
        }
        return usage;
    }

    /**
     * Returns the policy under which the permits are counted that the store grants to this instance: the share with
     * room for further permits. The store may grant an instance more than its share, because requests are not spread
     * evenly. If these permits were forgotten, a late answer would grant them again.
     */
    Policy followed() {
        return followed;
    }

    private static Limit followed(Limit share) {
        long room = Math.min(Limit.MAX_PERMITS, share.capacity() + 1 + share.capacity() / FURTHER);
        return share instanceof TokenBucket bucket
                ? bucket.withBurst(room)
                : share instanceof FixedWindow window
                        ? window.withPermits(room)
                        : new SlidingWindow(room, share.periodMicros());
    }

    static Limit part(Limit limit, int instances) {
        if (limit instanceof TokenBucket bucket) {
            return part(bucket, instances);
        }
        long permits = limit.permits() / instances;
        long period = limit.periodMicros();
        if (permits > 0 && limit instanceof FixedWindow window) {
            return window.withPermits(permits);
        }
        if (permits == 0) {
            permits = 1;
            period = Math.min(LONGEST_MICROS, divideRoundingUp(period * instances, limit.permits()));
        }
        return limit instanceof FixedWindow ? new FixedWindow(permits, period) : new SlidingWindow(permits, period);
    }

    private static TokenBucket part(TokenBucket bucket, int instances) {
        long burst = Math.max(1, bucket.burst() / instances);
        // The reduced rate: unitsPerMicro permits drip in per unitsPerPermit microseconds.
        long permits = bucket.unitsPerMicro();
        long period = bucket.unitsPerPermit() * instances;
        if (period > LONGEST_MICROS) {
            permits = Math.max(1, permits / divideRoundingUp(period, LONGEST_MICROS));
            period = LONGEST_MICROS;
        }
        return new TokenBucket(permits, period, burst);
    }

    private static long divideRoundingUp(long dividend, long divisor) {
        return (dividend + divisor - 1) / divisor;
    }
}
