package io.github.micronautratelimit;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

/**
 * What a policy limits: how often, how many at once, or both. {@code 10/min; 5 concurrent} is ten calls a minute, of which
 * five may be under way at a time.
 *
 * @param rates       the limits on how often, in their order; may be empty if there is a concurrency limit
 * @param concurrency the limit on how many at once, or {@code null}
 */
public record Limits(List<Limit> rates, @Nullable ConcurrencyLimit concurrency) {

    /**
     * Limits, the list copied.
     *
     * @param rates       the limits on how often
     * @param concurrency the limit on how many at once, or {@code null}
     */
    public Limits {
        rates = List.copyOf(rates);
    }

    /**
     * Reads limits joined by semicolons, at most one of them a concurrency limit.
     *
     * @param text for example {@code 100/min}, {@code 5 concurrent}, {@code 10/min; 5 concurrent lease 10s}; see
     *             {@link Limit#parse} for the limits on how often
     * @return at least one limit
     * @throws IllegalArgumentException if the text is no list of limits; the message says where and what to write
     */
    public static Limits parse(String text) {
        return new LimitText(text).limits();
    }

    /**
     * Reads limits from several texts, which together may hold one concurrency limit.
     *
     * @param texts each one or more limits joined by semicolons
     * @return all of them in their order
     * @throws IllegalArgumentException if a text is no list of limits; the message says where and what to write
     */
    public static Limits parseAll(Collection<String> texts) {
        List<Limit> rates = new ArrayList<>();
        ConcurrencyLimit concurrency = null;
        for (String text : texts) {
            Limits some = parse(text);
            rates.addAll(some.rates);
            if (some.concurrency != null && concurrency != null) {
                throw twoOfThem(String.join("; ", texts));
            }
            concurrency = some.concurrency != null ? some.concurrency : concurrency;
        }
        return new Limits(rates, concurrency);
    }

    static IllegalArgumentException twoOfThem(String text) {
        return new IllegalArgumentException("\"" + text + "\" holds two concurrency limits where the lower would hold for "
                + "both; write one, like \"5 concurrent\".");
    }

    /**
     * Whether nothing is limited.
     *
     * @return {@code true} if there is no limit of either kind
     */
    public boolean isEmpty() {
        return rates.isEmpty() && concurrency == null;
    }

    /** The text form, which {@link #parse} reads back. */
    @Override
    public String toString() {
        return Stream.concat(rates.stream(), Stream.ofNullable(concurrency)).map(Object::toString)
                .collect(Collectors.joining("; "));
    }
}
