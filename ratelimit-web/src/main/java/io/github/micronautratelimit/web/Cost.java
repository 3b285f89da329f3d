package io.github.micronautratelimit.web;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.web.KeyTemplate.Part;
import io.github.micronautratelimit.web.KeyTemplate.Source;

/**
 * What a request costs: a fixed number, or one that the request gives, divided and kept within bounds. Written
 * {@code 5}, <code>{query:size}</code>, <code>{body-size} / 1024</code> or <code>{query:size} 1..100</code>.
 *
 * <p>A client cannot make its requests free: without bounds, what it gives counts from 1 up. What it does not give, or
 * what is no whole number, costs the least; a body whose size is not told costs the most, if there is a bound.
 *
 * @param given what gives the number, or {@code null} if it is fixed
 * @param unit  what the given number is divided by, rounding up; at least 1
 * @param least the lower bound, and the fixed number
 * @param most  the upper bound
 */
public record Cost(@Nullable Part given, long unit, long least, long most) {

    /** One permit. */
    public static final Cost ONE = new Cost(null, 1, 1, 1);

    private static final Pattern GIVEN =
            Pattern.compile("(\\{[^{}]*})(?:\\s*/\\s*(\\d{1,12}))?(?:\\s+(\\d{1,12})\\s*\\.\\.\\s*(\\d{1,12}))?");
    private static final String EXAMPLE = "; write a number like \"5\", or a placeholder like \"{header:X-Cost}\", "
            + "\"{query:size} 1..100\" or \"{body-size} / 1024\".";

    /**
     * Reads a cost.
     *
     * @param text a number from 0 up, or a placeholder with or without a divisor and bounds
     * @return the cost
     * @throws IllegalArgumentException if the text is neither; the message says what to write
     */
    public static Cost parse(String text) {
        if (text.matches("\\d{1,18}")) {
            long fixed = Long.parseLong(text);
            return new Cost(null, 1, fixed, fixed);
        }
        Matcher written = GIVEN.matcher(text.strip());
        if (!written.matches()) {
            throw new IllegalArgumentException("\"" + text + "\" is no number of permits from 0 up" + EXAMPLE);
        }
        long unit = number(written.group(2), 1);
        long least = number(written.group(3), 1);
        long most = number(written.group(4), Long.MAX_VALUE);
        if (unit == 0 || least > most) {
            throw new IllegalArgumentException("\"" + text + "\": " + (unit == 0 ? "nothing can be divided by 0"
                    : "the bounds are in the wrong order") + EXAMPLE);
        }
        return new Cost(KeyTemplate.parse(written.group(1)).parts().get(0), unit, least, most);
    }

    private static long number(@Nullable String digits, long otherwise) {
        return digits == null ? otherwise : Long.parseLong(digits);
    }

    /**
     * The permits a request costs.
     *
     * @param keys    reads the request
     * @param request the request
     * @return within the bounds
     */
    public long permits(RequestKeys keys, WebRequest request) {
        if (given == null) {
            return least;
        }
        String found = keys.find(given, request);
        if (found == null && given.source() == Source.BODY_SIZE && request.header("Transfer-Encoding") != null) {
            return most == Long.MAX_VALUE ? least : most;
        }
        return found == null ? least : within(found.strip());
    }

    private long within(String found) {
        if (found.isEmpty() || !found.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return least;
        }
        long number;
        try {
            number = Long.parseLong(found);
        } catch (NumberFormatException e) {
            return most;
        }
        long units = number / unit + (number % unit == 0 ? 0 : 1);
        return Math.max(least, Math.min(most, units));
    }

    /**
     * The permits that an expression has computed.
     *
     * @param computed a number, or a text that is one
     * @return the number; 1 if it is none from 0 up
     */
    public static long computed(@Nullable Object computed) {
        try {
            long number = computed instanceof Number value ? value.longValue()
                    : Long.parseLong(String.valueOf(computed));
            return number < 0 ? 1 : number;
        } catch (NumberFormatException e) {
            return 1;
        }
    }

    /** As it can be written. */
    @Override
    public String toString() {
        if (given == null) {
            return Long.toString(least);
        }
        return given + (unit == 1 ? "" : " / " + unit) + (most == Long.MAX_VALUE ? "" : " " + least + ".." + most);
    }
}
