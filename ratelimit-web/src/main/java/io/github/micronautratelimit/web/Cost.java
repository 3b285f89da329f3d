package io.github.micronautratelimit.web;

import io.github.micronautratelimit.web.KeyTemplate.Part;
import io.github.micronautratelimit.web.KeyTemplate.Source;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The cost of a request in permits: a fixed number, or a value of the request that is divided and bounded. Written as
 * {@code 5}, <code>{query:size}</code>, <code>{body-size} / 1024</code> or <code>{query:size} 1..100</code>.
 *
 * <p>A client cannot make its requests free or cheap, because the cost is at least what the application may read. The
 * lower bound is 1 by default, and a missing or empty value costs the lower bound. Numbers are read in any notation
 * that Java reads: with a sign, a fraction, an exponent, or the digits of another script. Of several values, also in a
 * list with commas, the largest counts. A value that is present but is not a number costs the upper bound, and so does
 * a body of unknown size. Without an upper bound, no limit grants such a request.
 *
 * @param given the placeholder of the value, or {@code null} for a fixed or computed number
 * @param unit  the divisor of the value, at least 1; the quotient is rounded up
 * @param least the lower bound, which is also the fixed number
 * @param most  the upper bound
 */
public record Cost(@Nullable Part given, long unit, long least, long most) {

    /** One permit. */
    public static final Cost ONE = new Cost(null, 1, 1, 1);

    private static final String BOUNDS = "(?:\\s+(\\d{1,12})\\s*\\.\\.\\s*(\\d{1,12}))?";
    private static final Pattern GIVEN = Pattern.compile("(\\{[^{}]*})(?:\\s*/\\s*(\\d{1,12}))?" + BOUNDS);
    private static final Pattern COMPUTED = Pattern.compile("#\\{.*}" + BOUNDS, Pattern.DOTALL);
    private static final String EXAMPLE = "; write a number like \"5\", or a placeholder like \"{header:X-Cost}\", "
            + "\"{query:size} 1..100\" or \"{body-size} / 1024 1..1000\".";
    /** A value of a request that is longer, without leading zeros, is not read. */
    private static final int LONGEST_NUMBER = 64;

    /** More digits before the decimal point exceed every bound. */
    private static final int DIGITS_OF_LONG = 19;

    private static final Pattern LEADING_ZEROS = Pattern.compile("^([+]?)0+(?=\\d)");
    private static final Pattern GROUPED = Pattern.compile("[+]?\\d{1,3}(,\\d{3})+");

    /**
     * Parses a cost.
     *
     * @param text a number of 0 or more, or a placeholder with or without a divisor and bounds
     * @return the cost
     * @throws IllegalArgumentException if the text is neither, or is the size of a body without an upper bound, which a
     *                                  body of unknown size costs; the message contains an example
     */
    public static Cost parse(String text) {
        Cost cost = parseOfMessage(text);
        if (cost.dependsOnSize() && cost.most == Long.MAX_VALUE) {
            throw new IllegalArgumentException(
                    "\"" + text + "\" has no upper bound, which a body costs if its length is "
                            + "not known in advance; write one, as in \"{body-size} / 1024 1..1000\".");
        }
        return cost;
    }

    /**
     * Parses the cost of a WebSocket message. The size of a message is always known, so it needs no upper bound.
     *
     * @param text a number of 0 or more, or a placeholder with or without a divisor and bounds
     * @return the cost
     * @throws IllegalArgumentException if the text is neither; the message contains an example
     */
    public static Cost parseOfMessage(String text) {
        if (text.matches("\\d{1,18}")) {
            long fixed = Long.parseLong(text);
            return new Cost(null, 1, fixed, fixed);
        }
        Matcher written = GIVEN.matcher(text.strip());
        if (!written.matches()) {
            throw new IllegalArgumentException("\"" + text + "\" is not a cost" + EXAMPLE);
        }
        long unit = number(written.group(2), 1);
        if (unit == 0) {
            throw new IllegalArgumentException("\"" + text + "\": the divisor is 0" + EXAMPLE);
        }
        Cost bounds = bounds(text, number(written.group(3), 1), number(written.group(4), Long.MAX_VALUE));
        return new Cost(KeyTemplate.parse(written.group(1)).parts().get(0), unit, bounds.least, bounds.most);
    }

    /**
     * Parses the bounds of a cost that an expression computes, as in <code>#{ size } 1..100</code>.
     *
     * @param text one expression, with or without bounds after it
     * @return the bounds, for {@link #computed}; without bounds in the text, the lower bound is 0
     * @throws IllegalArgumentException if the text is anything else; the message contains an example
     */
    public static Cost ofExpression(String text) {
        Matcher written = COMPUTED.matcher(text.strip());
        if (!written.matches()) {
            throw new IllegalArgumentException("\"" + text + "\" is not an expression, alone or with bounds; write one "
                    + "like \"#{ size }\" or \"#{ size } 1..100\".");
        }
        return bounds(text, number(written.group(1), 0), number(written.group(2), Long.MAX_VALUE));
    }

    private static Cost bounds(String text, long least, long most) {
        if (least > most) {
            throw new IllegalArgumentException("\"" + text + "\": the lower bound exceeds the upper bound" + EXAMPLE);
        }
        return new Cost(null, 1, least, most);
    }

    private static long number(@Nullable String digits, long otherwise) {
        return digits == null ? otherwise : Long.parseLong(digits);
    }

    /**
     * Returns the cost of a request.
     *
     * @param keys    reads the value of the placeholder
     * @param request the request
     * @return permits within the bounds
     */
    public long permits(RequestKeys keys, WebRequest request) {
        if (given == null) {
            return least;
        }
        List<String> found = keys.findAll(given, request);
        if (found == null) {
            return most;
        }
        if (found.isEmpty()) {
            return dependsOnSize() && request.hasBodyOfUnknownSize() ? most : least;
        }
        long permits = least;
        for (String value : found) {
            permits = Math.max(permits, ofValue(value));
        }
        return permits;
    }

    /**
     * Returns whether the cost is the size of a body or message.
     *
     * @return {@code true} if it contains <code>{body-size}</code>
     */
    public boolean dependsOnSize() {
        return given != null && given.source() == Source.BODY_SIZE;
    }

    /** Returns the cost of the largest element of a list. A number may contain commas itself, as in 1,000. */
    private long ofValue(String value) {
        if (value.indexOf(',') < 0) {
            return ofElement(value);
        }
        long permits = GROUPED.matcher(value.trim()).matches() ? ofElement(value.replace(",", "")) : least;
        for (String element : value.split(",")) {
            permits = Math.max(permits, ofElement(element));
        }
        return permits;
    }

    /** Trims like {@link Double#valueOf(String)}, which accepts control characters around a number. */
    private long ofElement(String element) {
        String text = LEADING_ZEROS.matcher(element.trim().strip()).replaceFirst("$1");
        if (text.isEmpty()) {
            return least;
        }
        if (text.length() > LONGEST_NUMBER) {
            return most;
        }
        try {
            return units(new BigDecimal(text));
        } catch (NumberFormatException e) {
            return most;
        }
    }

    /** Does not expand an exponent, which may be large. */
    private long units(BigDecimal number) {
        if (number.signum() <= 0) {
            return least;
        }
        long digits = (long) number.precision() - number.scale();
        if (digits > DIGITS_OF_LONG) {
            return most;
        }
        BigDecimal units =
                digits <= 0 ? BigDecimal.ONE : number.divide(BigDecimal.valueOf(unit), 0, RoundingMode.CEILING);
        return within(units);
    }

    private long within(BigDecimal permits) {
        return permits.max(BigDecimal.valueOf(least))
                .min(BigDecimal.valueOf(most))
                .longValue();
    }

    /**
     * Returns the cost that an expression has computed.
     *
     * @param computed a number, or a text that starts with one, because the framework appends the bounds to the number
     * @return the number without its fraction, within the bounds; if it is missing or negative, 1 within the bounds; if
     *         it is not a number, the upper bound
     */
    public long computed(@Nullable Object computed) {
        String text = String.valueOf(computed).strip().split("\\s", 2)[0];
        if (text.isEmpty() || text.equals("null")) {
            return within(BigDecimal.ONE);
        }
        try {
            BigDecimal found = new BigDecimal(text);
            return within(found.signum() < 0 ? BigDecimal.ONE : found);
        } catch (NumberFormatException e) {
            return most;
        }
    }

    /** Returns the text form. */
    @Override
    public String toString() {
        if (given == null) {
            return Long.toString(least);
        }
        return given + (unit == 1 ? "" : " / " + unit) + (most == Long.MAX_VALUE ? "" : " " + least + ".." + most);
    }
}
