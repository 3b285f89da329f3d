package io.github.micronautratelimit.client;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads the times in headers of limits. Servers write a number of seconds from now, seconds or milliseconds since the
 * epoch, a duration such as {@code 6m0s}, an HTTP date (RFC 9110, 5.6.7) or a timestamp (RFC 3339). The size of a
 * number tells which it is: a wait of 30 years does not occur, and neither does a date before 2001.
 *
 * <p>Pure: knows no clock. Linear in the length of the text.
 */
final class ResetTime {

    /** Not a time to wait. */
    static final long UNREADABLE = -1;

    private static final int MAX_LENGTH = 40;
    private static final double FIRST_EPOCH_SECOND = 1e9;
    private static final double FIRST_EPOCH_MILLI = 1e11;
    private static final double LONGEST_MILLIS = 1e15;
    private static final int MILLIS = 1_000;

    private static final Pattern NUMBER = Pattern.compile("\\d{1,18}(?:\\.\\d{1,18})?");
    private static final Pattern DURATION = Pattern.compile("(?:\\d{1,9}(?:\\.\\d{1,9})?(?:ms|s|m|h|d)){1,5}");
    private static final Pattern PART_OF_DURATION = Pattern.compile("(\\d{1,9}(?:\\.\\d{1,9})?)(ms|s|m|h|d)");
    private static final List<DateTimeFormatter> DATES =
            List.of(DateTimeFormatter.RFC_1123_DATE_TIME, DateTimeFormatter.ISO_OFFSET_DATE_TIME);

    private ResetTime() {}

    /**
     * Reads a time.
     *
     * @param text      the value of a header
     * @param nowMillis the time of the server, in milliseconds since the epoch
     * @return milliseconds from now, 0 or more; {@link #UNREADABLE} if the text is no time
     */
    static long millis(String text, long nowMillis) {
        String value = text.strip();
        if (value.isEmpty() || value.length() > MAX_LENGTH) {
            return UNREADABLE;
        }
        if (NUMBER.matcher(value).matches()) {
            return ofNumber(Double.parseDouble(value), nowMillis);
        }
        if (DURATION.matcher(value).matches()) {
            return ofDuration(value);
        }
        long date = date(value);
        return date == UNREADABLE ? UNREADABLE : Math.max(0, date - nowMillis);
    }

    /**
     * Reads a number of milliseconds.
     *
     * @return milliseconds, 0 or more; {@link #UNREADABLE} if the text is no number
     */
    static long ofMillis(String text) {
        String value = text.strip();
        return value.length() <= MAX_LENGTH && NUMBER.matcher(value).matches()
                ? bounded(Double.parseDouble(value))
                : UNREADABLE;
    }

    /** Returns the milliseconds of a date since the epoch. */
    static long date(String text) {
        for (DateTimeFormatter format : DATES) {
            try {
                Instant instant = OffsetDateTime.parse(text, format).toInstant();
                return instant.getEpochSecond() < 0 ? UNREADABLE : instant.toEpochMilli();
            } catch (DateTimeException | ArithmeticException e) {
                // Another format, or no date.
            }
        }
        return UNREADABLE;
    }

    private static long ofNumber(double number, long nowMillis) {
        if (number < FIRST_EPOCH_SECOND) {
            return bounded(number * MILLIS);
        }
        double epochMillis = number < FIRST_EPOCH_MILLI ? number * MILLIS : number;
        return bounded(Math.max(0, epochMillis - nowMillis));
    }

    private static long ofDuration(String text) {
        double millis = 0;
        Matcher part = PART_OF_DURATION.matcher(text);
        while (part.find()) {
            millis += Double.parseDouble(part.group(1)) * millisOf(part.group(2));
        }
        return bounded(millis);
    }

    private static long millisOf(String unit) {
        return switch (unit) {
            case "ms" -> 1;
            case "s" -> MILLIS;
            case "m" -> 60L * MILLIS;
            case "h" -> 3_600L * MILLIS;
            default -> 86_400L * MILLIS;
        };
    }

    private static long bounded(double millis) {
        return (long) Math.ceil(Math.min(LONGEST_MILLIS, millis));
    }
}
