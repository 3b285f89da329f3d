package io.github.micronautratelimit.intercept;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.key.KeyTemplate;
import io.micronaut.core.expressions.EvaluatedExpression;

/**
 * What a call costs: a fixed number, or one that a placeholder or an expression gives for each call.
 *
 * @param fixed      the permits, also of a call for which nothing usable is given
 * @param template   the placeholder that stands for the number, or {@code null}
 * @param expression computes the number from the arguments, or {@code null}
 */
public record Cost(long fixed, @Nullable KeyTemplate template, @Nullable EvaluatedExpression expression) {

    /** One permit. */
    public static final Cost ONE = new Cost(1, null, null);

    /**
     * Reads a cost.
     *
     * @param text a number from 0 up, or a single placeholder
     * @return the cost
     * @throws IllegalArgumentException if the text is neither; the message says what to write
     */
    public static Cost parse(String text) {
        if (text.startsWith("{") && text.indexOf('}') == text.length() - 1) {
            return new Cost(1, KeyTemplate.parse(text), null);
        }
        long fixed = numberOr(-1, text);
        if (fixed < 0) {
            throw new IllegalArgumentException("\"" + text + "\" is no number of permits from 0 up; "
                    + "write a number like \"5\", or a placeholder like \"{header:X-Cost}\".");
        }
        return new Cost(fixed, null, null);
    }

    /**
     * The permits, given what the placeholder or expression stands for in a call.
     *
     * @param given a number or a text, or {@code null} if there is none
     * @return the number if it is one from 0 up, else the fixed permits
     */
    public long permits(@Nullable Object given) {
        return given == null ? fixed : numberOr(fixed, given);
    }

    private static long numberOr(long otherwise, Object given) {
        try {
            long number = given instanceof Number value ? value.longValue() : Long.parseLong(given.toString());
            return number < 0 ? otherwise : number;
        } catch (NumberFormatException e) {
            return otherwise;
        }
    }
}
