package io.github.micronautratelimit.web;

import java.util.StringJoiner;
import java.util.regex.Pattern;

import io.github.micronautratelimit.ConcurrencyLimit;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.TokenBucket;

/**
 * A policy as clients are told of it. A policy that is named after a class or method is told without its package and
 * arguments.
 *
 * @param name             the name
 * @param quotas           one item for each limit, for {@code RateLimit-Policy}
 * @param smallestQuota    the smallest limit's permits, for {@code X-RateLimit-Limit}
 * @param microsPerPermit  the longest a next permit can take to come, or -1 if the state must say
 */
record PolicyText(String name, String quotas, long smallestQuota, long microsPerPermit) {

    private static final Pattern PACKAGE = Pattern.compile("^([a-z_][a-z0-9_]*\\.)+(?=[A-Z])");
    private static final Pattern ARGUMENTS = Pattern.compile("\\(.*\\)");
    private static final long SECOND = 1_000_000;

    static PolicyText of(Policy policy) {
        String name = ARGUMENTS.matcher(PACKAGE.matcher(policy.name()).replaceFirst("")).replaceFirst("");
        StringJoiner quotas = new StringJoiner(", ");
        ConcurrencyLimit concurrency = policy.concurrency();
        if (policy.limits().isEmpty()) {
            long holders = concurrency == null ? 0 : concurrency.holders();
            return new PolicyText(name, "\"" + name + "\";q=" + holders + ";qu=\"concurrent-requests\"", holders, -1);
        }
        Limit smallest = policy.limits().get(0);
        for (Limit limit : policy.limits()) {
            // Whole seconds: 7/250ms is 28 per second.
            long window = seconds(limit.periodMicros());
            long quota = Math.max(1, (long) ((double) limit.permits() * window * SECOND / limit.periodMicros()));
            quotas.add("\"" + name + "\";q=" + (limit.periodMicros() % SECOND == 0 ? limit.permits() : quota)
                    + ";w=" + window);
            smallest = limit.permits() < smallest.permits() ? limit : smallest;
        }
        boolean steady = policy.limits().size() == 1 && smallest instanceof TokenBucket;
        return new PolicyText(name, quotas.toString(), smallest.permits(),
                steady ? -Math.floorDiv(-smallest.periodMicros(), smallest.permits()) : -1);
    }

    /** The seconds until more is to be had than now. */
    long secondsToWait(Decision decision) {
        if (!decision.allowed() && decision.retryAfterMicros() != Decision.NEVER) {
            return Math.max(1, seconds(decision.retryAfterMicros()));
        }
        boolean next = decision.remaining() == 0 && microsPerPermit >= 0;
        return seconds(next ? Math.min(microsPerPermit, decision.resetAfterMicros()) : decision.resetAfterMicros());
    }

    static long seconds(long micros) {
        return (micros + SECOND - 1) / SECOND;
    }
}
