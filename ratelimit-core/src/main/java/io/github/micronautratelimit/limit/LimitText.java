package io.github.micronautratelimit.limit;

import io.github.micronautratelimit.internal.Micros;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;

/** Parses limits from their text form, in one pass from left to right. */
final class LimitText {

    private static final String EXAMPLE =
            "; write a limit like \"100/min\", \"5/s burst 20\", \"1000/h sliding\", \"10000/day fixed\" or \"5 concurrent\".";

    private static final Map<String, Long> UNITS = Map.ofEntries(
            Map.entry("us", 1L),
            Map.entry("ms", 1_000L),
            Map.entry("s", 1_000_000L),
            Map.entry("sec", 1_000_000L),
            Map.entry("second", 1_000_000L),
            Map.entry("seconds", 1_000_000L),
            Map.entry("m", 60_000_000L),
            Map.entry("min", 60_000_000L),
            Map.entry("minute", 60_000_000L),
            Map.entry("minutes", 60_000_000L),
            Map.entry("h", 3_600_000_000L),
            Map.entry("hour", 3_600_000_000L),
            Map.entry("hours", 3_600_000_000L),
            Map.entry("d", 86_400_000_000L),
            Map.entry("day", 86_400_000_000L),
            Map.entry("days", 86_400_000_000L));

    private static final Pattern DAY = Pattern.compile("(?i)(1\\s*)?d(ays?)?");

    private static final int MAX_SHOWN = 80;

    private static final String[] PRINTED_UNITS = {"day", "h", "min", "s", "ms", "us"};

    private final String text;
    private int position;

    LimitText(String text) {
        this.text = text;
    }

    LimitSet limits() {
        List<Limit> rateLimits = new ArrayList<>();
        ConcurrencyLimit concurrency = null;
        do {
            int start = position;
            long number = permits("the permits", "a number of permits");
            if (skip('/')) {
                rateLimits.add(limit(start, number));
            } else {
                ConcurrencyLimit found = concurrency(start, number);
                if (concurrency != null) {
                    throw LimitSet.secondConcurrencyLimit(shown());
                }
                concurrency = found;
            }
        } while (skip(';'));
        if (position < text.length()) {
            throw malformed("nothing, or ';' and another limit, was expected", position);
        }
        return new LimitSet(rateLimits, concurrency);
    }

    /** Parses rate limits; rejects a concurrency limit. */
    List<Limit> rateLimits() {
        LimitSet limits = limits();
        if (limits.concurrency() != null) {
            throw new IllegalArgumentException(quoted() + ": \"" + limits.concurrency()
                    + "\" is a concurrency limit where only rate limits are allowed; write limits like \"100/min\".");
        }
        return limits.rateLimits();
    }

    private ConcurrencyLimit concurrency(int start, long slots) {
        int at = position;
        String word = word();
        if (!word.equals("concurrent")) {
            throw malformed("'/' was expected", at);
        }
        if (slots > ConcurrencyLimit.MAX_SLOTS) {
            throw malformed("the slots must be from 1 to " + ConcurrencyLimit.MAX_SLOTS, start);
        }
        int optionAt = position;
        String option = word();
        if (option.isEmpty()) {
            return new ConcurrencyLimit(slots);
        }
        if (!option.equals("lease")) {
            throw malformed("nothing or \"lease\" and a time was expected", optionAt);
        }
        int leaseAt = position;
        long lease = time();
        if (lease < ConcurrencyLimit.SHORTEST_LEASE_MICROS || lease > ConcurrencyLimit.LONGEST_LEASE_MICROS) {
            throw malformed("the lease must be from 1s to 1day", leaseAt);
        }
        return new ConcurrencyLimit(slots, lease);
    }

    private Limit limit(int start, long permits) {
        int periodAt = next();
        ChronoUnit calendar = CalendarText.unit(word());
        if (calendar != null) {
            return new FixedWindow(permits, CalendarText.parse(calendar, this));
        }
        position = periodAt;
        long period = period();
        boolean day = DAY.matcher(text.substring(periodAt, position)).matches();
        int optionAt = next();
        boolean calendarDay = day && !atEnd() && CalendarText.isOption(token());
        position = optionAt;
        if (calendarDay) {
            return new FixedWindow(permits, CalendarText.parse(ChronoUnit.DAYS, this));
        }
        String option = word();
        long burst = option.equals("burst") ? permits("the burst", "the burst, a number of permits,") : permits;
        return switch (option) {
            case "sliding" -> new SlidingWindow(permits, period);
            case "fixed" -> new FixedWindow(permits, period);
            case "burst", "" -> bucket(permits, period, burst, start);
            default -> throw malformed(expectedOption(optionAt), optionAt);
        };
    }

    private String expectedOption(int at) {
        position = at;
        String token = atEnd() ? "" : token();
        return CalendarText.isOption(token)
                ? "\"" + token + "\" goes with one day, week, month or year"
                : "\"burst N\", \"sliding\" or \"fixed\" was expected";
    }

    private Limit bucket(long permits, long period, long burst, int start) {
        try {
            return new TokenBucket(permits, period, burst);
        } catch (IllegalArgumentException e) {
            throw malformed("the numbers together are too fine to be counted exactly", start);
        }
    }

    private long permits(String what, String wanted) {
        int start = position;
        long permits = number(wanted);
        if (permits < 1 || permits > Limit.MAX_PERMITS) {
            throw malformed(what + " must be from 1 to " + Limit.MAX_PERMITS, start);
        }
        return permits;
    }

    private long period() {
        skipSpaces();
        int start = position;
        long count = count();
        requireNoCalendar();
        long unit = unit("us, ms, s, min, h, day, week, month, year");
        if (count < 1 || count > Micros.of(Limit.MAX_PERIOD) / unit) {
            throw malformed("the period must be from 1us to 366day", start);
        }
        return count * unit;
    }

    private long time() {
        skipSpaces();
        int start = position;
        long count = count();
        long unit = unit("us, ms, s, min, h, day");
        if (count > Micros.of(Limit.MAX_PERIOD) / unit) {
            throw malformed("the time must be at most 366day", start);
        }
        return count * unit;
    }

    private long count() {
        return position < text.length() && isDigit(text.charAt(position)) ? number("a number") : 1;
    }

    private void requireNoCalendar() {
        int start = position;
        String word = word();
        if (CalendarText.unit(word) != null) {
            throw malformed(
                    "\"" + word + "\" is a calendar period, which follows a '/' and has no number,",
                    start,
                    CalendarText.EXAMPLE);
        }
        position = start;
    }

    private long number(String what) {
        skipSpaces();
        int start = position;
        while (position < text.length() && isDigit(text.charAt(position))) {
            position++;
        }
        if (start == position) {
            throw malformed(what + " was expected", start);
        }
        try {
            return Long.parseLong(text.substring(start, position));
        } catch (NumberFormatException e) {
            throw malformed("the number is too large", start);
        }
    }

    private long unit(String known) {
        int start = position;
        Long micros = UNITS.get(word());
        if (micros == null) {
            throw malformed("one of the units " + known + " was expected", start);
        }
        return micros;
    }

    private String word() {
        skipSpaces();
        int start = position;
        while (position < text.length() && Character.isLetter(text.charAt(position))) {
            position++;
        }
        return text.substring(start, position).toLowerCase(Locale.ROOT);
    }

    /** Skips spaces and returns the position of what follows. */
    int next() {
        skipSpaces();
        return position;
    }

    /** Returns whether the limit ends here. */
    boolean atEnd() {
        return position >= text.length() || text.charAt(position) == ';';
    }

    /** Reads up to the next space or the end of the limit. */
    String token() {
        int start = position;
        while (!atEnd() && !Character.isWhitespace(text.charAt(position))) {
            position++;
        }
        return text.substring(start, position);
    }

    /** Skips spaces and then the expected character if it is next; returns whether it was. */
    private boolean skip(char expected) {
        skipSpaces();
        if (position < text.length() && text.charAt(position) == expected) {
            position++;
            return true;
        }
        return false;
    }

    private void skipSpaces() {
        while (position < text.length() && Character.isWhitespace(text.charAt(position))) {
            position++;
        }
    }

    private IllegalArgumentException malformed(String reason, int from) {
        return malformed(reason, from, EXAMPLE);
    }

    /** Returns a rejection of the text, with a position and an example that ends the sentence. */
    IllegalArgumentException malformed(String reason, int from, String example) {
        int at = from;
        while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
            at++;
        }
        String position = at < text.length() ? "at character " + (at + 1) : "at the end";
        return new IllegalArgumentException(quoted() + ": " + reason + " " + position + example);
    }

    private String quoted() {
        return "\"" + shown() + "\"";
    }

    /** Returns the text, shortened and without control characters. */
    private String shown() {
        String shown = text.length() <= MAX_SHOWN ? text : text.substring(0, MAX_SHOWN) + "...";
        return shown.replaceAll("\\p{Cntrl}", "?");
    }

    /** Parses one rate limit; rejects several. */
    Limit onlyLimit() {
        List<Limit> limits = rateLimits();
        if (limits.size() > 1) {
            throw new IllegalArgumentException(
                    quoted() + " holds " + limits.size() + " limits where one is expected" + EXAMPLE);
        }
        return limits.get(0);
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    /** Returns the shortest text of a period: {@code min}, {@code 10s}, {@code 250ms}. */
    static String period(long micros) {
        String duration = duration(micros);
        return duration.startsWith("1") && Character.isLetter(duration.charAt(1)) ? duration.substring(1) : duration;
    }

    /** Prints a time with its number, for example {@code 1day}. */
    static String duration(long micros) {
        for (String unit : PRINTED_UNITS) {
            long size = Objects.requireNonNull(UNITS.get(unit));
            if (micros % size == 0) {
                return micros / size + unit;
            }
        }
        throw new IllegalArgumentException("A period of " + micros + " microseconds is out of range.");
    }
}
