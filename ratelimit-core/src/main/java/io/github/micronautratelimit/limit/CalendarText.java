package io.github.micronautratelimit.limit;

import io.github.micronautratelimit.limit.FixedWindow.CalendarPeriod;
import java.time.DateTimeException;
import java.time.DayOfWeek;
import java.time.Month;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The text form of a calendar period: its unit, then {@code from} and its first day or month, then its time zone. */
final class CalendarText {

    static final String EXAMPLE =
            "; write a quota like \"1000/month\", \"1000/month from 31 Europe/Berlin\" or \"1/week from monday\".";

    private static final Map<String, ChronoUnit> UNITS = Map.ofEntries(
            Map.entry("week", ChronoUnit.WEEKS),
            Map.entry("weeks", ChronoUnit.WEEKS),
            Map.entry("month", ChronoUnit.MONTHS),
            Map.entry("months", ChronoUnit.MONTHS),
            Map.entry("year", ChronoUnit.YEARS),
            Map.entry("years", ChronoUnit.YEARS));

    private CalendarText() {}

    /** Returns the unit of a word that always means a calendar period, or {@code null}. A day may be a plain period. */
    static @Nullable ChronoUnit unit(String word) {
        return UNITS.get(word);
    }

    /**
     * Parses what follows a unit: an anchor and a time zone, each at most once and in any order.
     *
     * @param text a parser that has read the unit
     */
    static CalendarPeriod parse(ChronoUnit unit, LimitText text) {
        int first = 1;
        boolean anchored = false;
        ZoneId zone = null;
        for (int at = text.next(); !text.atEnd(); at = text.next()) {
            String token = text.token();
            if (isFrom(token) && !anchored) {
                first = first(unit, text);
                anchored = true;
            } else if (token.matches("(?i)burst|sliding|fixed")) {
                throw text.malformed(
                        "\"" + token + "\" does not go with a calendar quota, which is a fixed window", at, EXAMPLE);
            } else if (zone == null) {
                zone = zone(token);
                if (zone == null) {
                    throw text.malformed("\"" + token + "\" is not a known time zone", at, EXAMPLE);
                }
            } else {
                throw text.malformed("nothing, or ';' and another limit, was expected", at, EXAMPLE);
            }
        }
        return new CalendarPeriod(unit, first, zone == null ? CalendarPeriod.UTC : zone);
    }

    private static int first(ChronoUnit unit, LimitText text) {
        int at = text.next();
        String token = text.atEnd() ? "" : text.token();
        return switch (unit) {
            case WEEKS -> indexOf(token, DayOfWeek.values(), "a week starts from a day like \"monday\"", text, at);
            case YEARS -> indexOf(token, Month.values(), "a year starts from a month like \"april\"", text, at);
            case MONTHS -> {
                if (!token.matches("0?[1-9]|[12][0-9]|3[01]")) {
                    throw text.malformed("a month starts from a day, 1 to 31,", at, EXAMPLE);
                }
                yield Integer.parseInt(token);
            }
            default -> throw text.malformed("a day starts at midnight and has no \"from\"", at, EXAMPLE);
        };
    }

    /** Returns the number of a constant, from 1. */
    private static int indexOf(String token, Enum<?>[] constants, String reason, LimitText text, int at) {
        return Arrays.stream(constants)
                        .filter(constant -> constant.name().equalsIgnoreCase(token))
                        .findFirst()
                        .orElseThrow(() -> text.malformed(reason, at, EXAMPLE))
                        .ordinal()
                + 1;
    }

    /** Returns whether a word makes a day a calendar quota: a time zone, what looks like one, or {@code from}. */
    static boolean isOption(String token) {
        boolean regionLike = !token.isEmpty() && Character.isLetter(token.charAt(0)) && token.indexOf('/') > 0;
        return isFrom(token) || regionLike || zone(token) != null;
    }

    private static boolean isFrom(String token) {
        return token.equalsIgnoreCase("from");
    }

    /** Returns a region by its name in any case, or an offset; {@code null} if there is none. */
    private static @Nullable ZoneId zone(String token) {
        if (token.startsWith("+") || token.startsWith("-")) {
            try {
                return ZoneOffset.of(token);
            } catch (DateTimeException e) {
                return null;
            }
        }
        return Stream.concat(Stream.of("UTC"), ZoneId.getAvailableZoneIds().stream())
                .filter(id -> id.equalsIgnoreCase(token))
                .findFirst()
                .map(ZoneId::of)
                .orElse(null);
    }

    /** Returns {@code month}, {@code month from 31 Europe/Berlin} or {@code day UTC}. */
    static String print(CalendarPeriod period) {
        String units = period.unit().name().toLowerCase(Locale.ROOT);
        String from = period.first() == 1 ? "" : " from " + first(period).toLowerCase(Locale.ROOT);
        // Without a time zone, a day is the period of a token bucket.
        boolean isDefault = period.unit() != ChronoUnit.DAYS && period.zone().equals(CalendarPeriod.UTC);
        return units.substring(0, units.length() - 1) + from + (isDefault ? "" : " " + period.zone());
    }

    private static String first(CalendarPeriod period) {
        return switch (period.unit()) {
            case WEEKS -> DayOfWeek.of(period.first()).name();
            case YEARS -> Month.of(period.first()).name();
            default -> Integer.toString(period.first());
        };
    }
}
