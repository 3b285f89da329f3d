package io.github.micronautratelimit.limit;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Rate limits and at most one concurrency limit. {@code 10/min; 5 concurrent} allows ten calls per minute, of which
 * five may run at the same time.
 *
 * @param rateLimits  the rate limits in their order; may be empty if there is a concurrency limit
 * @param concurrency the concurrency limit, or {@code null}
 */
public record LimitSet(List<Limit> rateLimits, @Nullable ConcurrencyLimit concurrency) {

    /** The most rate limits of a policy. A store checks them in one step, while other requests wait. */
    public static final int MAX_RATE_LIMITS = 16;

    /**
     * Creates a set from a copy of the list.
     *
     * @param rateLimits  the rate limits
     * @param concurrency the concurrency limit, or {@code null}
     */
    public LimitSet {
        rateLimits = List.copyOf(rateLimits);
    }

    /**
     * Parses limits separated by semicolons, at most one of them a concurrency limit.
     *
     * @param text for example {@code 100/min}, {@code 5 concurrent}, {@code 10/min; 5 concurrent lease 10s}; see
     *             {@link Limit#parse} for rate limits
     * @return at least one limit, and at most {@value #MAX_RATE_LIMITS} rate limits
     * @throws IllegalArgumentException if the text is malformed or has too many limits; the message names the position
     *                                  and an example
     */
    public static LimitSet parse(String text) {
        return bounded(new LimitText(text).limits());
    }

    /**
     * Parses several texts, which together may contain one concurrency limit.
     *
     * @param texts one or more limits each, separated by semicolons
     * @return all limits in their order, at most {@value #MAX_RATE_LIMITS} of them rate limits
     * @throws IllegalArgumentException if a text is malformed or there are too many limits; the message names the
     *                                  position and an example
     */
    public static LimitSet parseAll(Collection<String> texts) {
        List<Limit> rateLimits = new ArrayList<>();
        ConcurrencyLimit concurrency = null;
        for (String text : texts) {
            LimitSet parsed = parse(text);
            rateLimits.addAll(parsed.rateLimits);
            if (parsed.concurrency != null && concurrency != null) {
                throw secondConcurrencyLimit(String.join("; ", texts));
            }
            concurrency = parsed.concurrency != null ? parsed.concurrency : concurrency;
        }
        return bounded(new LimitSet(rateLimits, concurrency));
    }

    private static LimitSet bounded(LimitSet limits) {
        if (limits.rateLimits.size() > MAX_RATE_LIMITS) {
            throw new IllegalArgumentException(limits.rateLimits.size() + " rate limits, the first of which is \""
                    + limits.rateLimits.get(0) + "\", would be checked in one step while other requests wait; write at "
                    + "most " + MAX_RATE_LIMITS + ".");
        }
        return limits;
    }

    static IllegalArgumentException secondConcurrencyLimit(String text) {
        return new IllegalArgumentException("\"" + text
                + "\" contains two concurrency limits, of which only the lower would have an effect; write one, "
                + "like \"5 concurrent\".");
    }

    /**
     * Returns whether the set contains no limit of either kind.
     *
     * @return {@code true} if nothing is limited
     */
    public boolean isEmpty() {
        return rateLimits.isEmpty() && concurrency == null;
    }

    /** Returns the text form, which {@link #parse} accepts. */
    @Override
    public String toString() {
        return Stream.concat(rateLimits.stream(), Stream.ofNullable(concurrency))
                .map(Object::toString)
                .collect(Collectors.joining("; "));
    }
}
