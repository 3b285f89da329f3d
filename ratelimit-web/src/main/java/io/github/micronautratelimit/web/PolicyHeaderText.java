package io.github.micronautratelimit.web;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.ConcurrencyLimit;
import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.limit.TokenBucket;
import java.math.BigInteger;
import java.util.StringJoiner;
import java.util.function.LongSupplier;

/**
 * The texts of a policy in headers.
 *
 * @param name            the name
 * @param quotas          one item for each limit, for {@code RateLimit-Policy}
 * @param smallestQuota   the most permits that can remain of the smallest limit, for {@code X-RateLimit-Limit}
 * @param microsPerPermit the longest time until the next permit, or -1 if it depends on the state
 * @param validUntil      the end of the present window of a calendar quota, in microseconds since the epoch;
 *                        {@link Long#MAX_VALUE} without one
 */
record PolicyHeaderText(String name, String quotas, long smallestQuota, long microsPerPermit, long validUntil) {

    /** The largest integer of a structured field (RFC 9651, 3.3.1). */
    static final long MAX_INTEGER = 999_999_999_999_999L;

    private static final long SECOND = 1_000_000;

    /**
     * Returns the texts.
     *
     * @param microsNow returns the present in microseconds since the epoch; called only for calendar quotas
     */
    static PolicyHeaderText of(Policy policy, String name, LongSupplier microsNow) {
        StringJoiner quotas = new StringJoiner(", ");
        ConcurrencyLimit concurrency = policy.concurrency();
        if (policy.rateLimits().isEmpty()) {
            long slots = concurrency == null ? 0 : concurrency.slots();
            return new PolicyHeaderText(
                    name, "\"" + name + "\";q=" + slots + ";qu=\"concurrent-requests\"", slots, -1, Long.MAX_VALUE);
        }
        long smallest = Long.MAX_VALUE;
        long validUntil = Long.MAX_VALUE;
        for (Limit limit : policy.rateLimits()) {
            if (limit instanceof FixedWindow quota && quota.calendar() != null) {
                long window = quota.windowAt(microsNow.getAsLong());
                long end = quota.startOf(window + 1);
                quotas.add("\"" + name + "\";q=" + quota.permits() + ";w=" + seconds(end - quota.startOf(window)));
                validUntil = Math.min(validUntil, end);
            } else {
                quotas.add("\"" + name + "\"" + quota(limit));
            }
            smallest = Math.min(smallest, permits(limit));
        }
        Limit first = policy.rateLimits().get(0);
        boolean steady = policy.rateLimits().size() == 1 && first instanceof TokenBucket;
        return new PolicyHeaderText(
                name,
                quotas.toString(),
                smallest,
                steady ? -Math.floorDiv(-first.periodMicros(), first.permits()) : -1,
                validUntil);
    }

    /** Returns the permits of a period; for a bucket with a larger burst, the burst. No more can ever remain. */
    private static long permits(Limit limit) {
        return Math.max(limit.permits(), limit.capacity());
    }

    /**
     * Returns the quota and its window in whole seconds: 7/250ms is 28 per second. The quota of a bucket with a larger
     * burst is the burst, in the time in which it refills: {@code 10/s burst 50} is 50 in 5 seconds, at the same rate.
     */
    private static String quota(Limit limit) {
        BigInteger permits = BigInteger.valueOf(limit.permits());
        BigInteger permitMicros = permits.multiply(BigInteger.valueOf(SECOND));
        BigInteger period = BigInteger.valueOf(limit.periodMicros());
        BigInteger window = period.multiply(BigInteger.valueOf(permits(limit)))
                .add(permitMicros)
                .subtract(BigInteger.ONE)
                .divide(permitMicros);
        BigInteger quota = window.multiply(permitMicros).divide(period);
        return ";q=" + bounded(quota) + ";w=" + bounded(window);
    }

    private static BigInteger bounded(BigInteger number) {
        return number.min(BigInteger.valueOf(MAX_INTEGER));
    }

    /** Returns the seconds until more permits are free than now. */
    long secondsToWait(Decision decision) {
        if (!decision.allowed() && decision.retryAfterMicros() != LimitState.NEVER) {
            return Math.max(1, seconds(decision.retryAfterMicros()));
        }
        long next = decision.nextPermitMicros();
        return seconds(microsPerPermit >= 0 ? Math.min(microsPerPermit, next) : next);
    }

    static long seconds(long micros) {
        return (micros + SECOND - 1) / SECOND;
    }
}
