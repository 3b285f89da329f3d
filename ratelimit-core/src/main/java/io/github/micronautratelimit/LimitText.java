package io.github.micronautratelimit;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Reads limits from their text form, from left to right and once. */
final class LimitText {

    private static final String EXAMPLE =
            "; write a limit like \"100/min\", \"5/s burst 20\", \"1000/h sliding\", \"10000/day fixed\" or \"5 concurrent\".";

    private static final Map<String, Long> UNITS = Map.ofEntries(
            Map.entry("us", 1L),
            Map.entry("ms", 1_000L),
            Map.entry("s", 1_000_000L), Map.entry("sec", 1_000_000L),
            Map.entry("second", 1_000_000L), Map.entry("seconds", 1_000_000L),
            Map.entry("m", 60_000_000L), Map.entry("min", 60_000_000L),
            Map.entry("minute", 60_000_000L), Map.entry("minutes", 60_000_000L),
            Map.entry("h", 3_600_000_000L), Map.entry("hour", 3_600_000_000L), Map.entry("hours", 3_600_000_000L),
            Map.entry("d", 86_400_000_000L), Map.entry("day", 86_400_000_000L), Map.entry("days", 86_400_000_000L));

    private static final int LONGEST_SHOWN = 80;

    private static final String[] PRINTED_UNITS = {"day", "h", "min", "s", "ms", "us"};

    private final String text;
    private int position;

    LimitText(String text) {
        this.text = text;
    }

    Limits limits() {
        List<Limit> rates = new ArrayList<>();
        ConcurrencyLimit concurrency = null;
        do {
            skipSpaces();
            int start = position;
            long number = permits("the permits", "a number of permits");
            if (taken('/')) {
                rates.add(limit(start, number));
            } else {
                ConcurrencyLimit found = concurrency(start, number);
                if (concurrency != null) {
                    throw Limits.twoOfThem(shown());
                }
                concurrency = found;
            }
        } while (taken(';'));
        if (position < text.length()) {
            throw wrong("nothing, or ';' and another limit, was expected", position);
        }
        return new Limits(rates, concurrency);
    }

    /** The limits, all of them on how often. */
    List<Limit> rates() {
        Limits limits = limits();
        if (limits.concurrency() != null) {
            throw new IllegalArgumentException(quoted() + ": \"" + limits.concurrency()
                    + "\" limits how many at once where only limits on how often can be; write limits like \"100/min\".");
        }
        return limits.rates();
    }

    private ConcurrencyLimit concurrency(int start, long holders) {
        int at = position;
        String word = word();
        if (!word.equals("concurrent")) {
            throw wrong("'/' was expected", at);
        }
        if (holders > ConcurrencyLimit.MAX_HOLDERS) {
            throw wrong("the places must be from 1 to " + ConcurrencyLimit.MAX_HOLDERS, start);
        }
        int optionAt = position;
        String option = word();
        if (option.isEmpty()) {
            return new ConcurrencyLimit(holders);
        }
        if (!option.equals("lease")) {
            throw wrong("nothing or \"lease\" and a time was expected", optionAt);
        }
        int leaseAt = position;
        long lease = period();
        if (lease < ConcurrencyLimit.SHORTEST_LEASE_MICROS || lease > ConcurrencyLimit.LONGEST_LEASE_MICROS) {
            throw wrong("the lease must be from 1s to 1day", leaseAt);
        }
        return new ConcurrencyLimit(holders, lease);
    }

    private Limit limit(int start, long permits) {
        long period = period();
        int optionAt = position;
        String option = word();
        long burst = option.equals("burst") ? permits("the burst", "the burst, a number of permits,") : permits;
        return switch (option) {
            case "sliding" -> new SlidingWindow(permits, period);
            case "fixed" -> new FixedWindow(permits, period);
            case "burst", "" -> bucket(permits, period, burst, start);
            default -> throw wrong("\"burst N\", \"sliding\" or \"fixed\" was expected", optionAt);
        };
    }

    private Limit bucket(long permits, long period, long burst, int start) {
        try {
            return new TokenBucket(permits, period, burst);
        } catch (IllegalArgumentException e) {
            throw wrong("the numbers together are too fine to be counted exactly", start);
        }
    }

    private long permits(String what, String wanted) {
        skipSpaces();
        int start = position;
        long permits = number(wanted);
        if (permits < 1 || permits > Limit.MAX_PERMITS) {
            throw wrong(what + " must be from 1 to " + Limit.MAX_PERMITS, start);
        }
        return permits;
    }

    private long period() {
        skipSpaces();
        int start = position;
        long count = position < text.length() && isDigit(text.charAt(position)) ? number("a number") : 1;
        long unit = unit();
        if (count < 1 || count > micros(Limit.MAX_PERIOD) / unit) {
            throw wrong("the period must be from 1us to 366day", start);
        }
        return count * unit;
    }

    private long number(String what) {
        skipSpaces();
        int start = position;
        while (position < text.length() && isDigit(text.charAt(position))) {
            position++;
        }
        if (start == position) {
            throw wrong(what + " was expected", start);
        }
        try {
            return Long.parseLong(text.substring(start, position));
        } catch (NumberFormatException e) {
            throw wrong("the number is too large", start);
        }
    }

    private long unit() {
        skipSpaces();
        int start = position;
        Long micros = UNITS.get(word());
        if (micros == null) {
            throw wrong("one of the units us, ms, s, min, h, day was expected", start);
        }
        return micros;
    }

    private String word() {
        skipSpaces();
        int start = position;
        while (position < text.length() && Character.isLetter(text.charAt(position))) {
            position++;
        }
        String word = text.substring(start, position).toLowerCase(Locale.ROOT);
        skipSpaces();
        return word;
    }

    private boolean taken(char expected) {
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

    private IllegalArgumentException wrong(String reason, int at) {
        while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
            at++;
        }
        String place = at < text.length() ? "at character " + (at + 1) : "at the end";
        return new IllegalArgumentException(quoted() + ": " + reason + " " + place + EXAMPLE);
    }

    private String quoted() {
        return "\"" + shown() + "\"";
    }

    /** The text, short and printable. */
    private String shown() {
        String shown = text.length() <= LONGEST_SHOWN ? text : text.substring(0, LONGEST_SHOWN) + "...";
        return shown.replaceAll("\\p{Cntrl}", "?");
    }

    /** The only limit; more than one are refused. */
    Limit onlyLimit() {
        List<Limit> limits = rates();
        if (limits.size() > 1) {
            throw new IllegalArgumentException(
                    quoted() + " holds " + limits.size() + " limits where one is expected" + EXAMPLE);
        }
        return limits.get(0);
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    /** The shortest way to write a period: {@code min}, {@code 10s}, {@code 250ms}. */
    static String period(long micros) {
        for (String unit : PRINTED_UNITS) {
            long size = UNITS.get(unit);
            if (micros % size == 0) {
                return micros == size ? unit : micros / size + unit;
            }
        }
        throw new IllegalArgumentException("No period lasts " + micros + " microseconds.");
    }

    static Duration duration(long micros) {
        return Duration.ofSeconds(micros / 1_000_000, micros % 1_000_000 * 1_000);
    }

    static long micros(Duration duration) {
        return Math.addExact(Math.multiplyExact(duration.getSeconds(), 1_000_000L), duration.getNano() / 1_000);
    }
}
