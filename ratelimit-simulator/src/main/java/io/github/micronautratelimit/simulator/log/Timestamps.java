package io.github.micronautratelimit.simulator.log;

import java.time.LocalDate;
import java.time.ZoneOffset;

/**
 * Reads times without allocating, because every line has one. Remembers the last day, which most lines share. Not
 * thread-safe.
 */
final class Timestamps {

    /** Returned for a text that is not a time. */
    static final long UNREADABLE = Long.MIN_VALUE;

    private static final String MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";
    private static final long MICROS = 1_000_000;
    private static final int CLF_LENGTH = 20;
    private static final int FRACTION_DIGITS = 6;

    private int lastDay = -1;
    private long lastDaySeconds;

    /** Reads {@code 10/Oct/2000:13:55:36 -0700} between two positions. */
    long clf(String text, int from, int to) {
        if (to - from < CLF_LENGTH || text.charAt(from + 2) != '/' || text.charAt(from + 6) != '/') {
            return UNREADABLE;
        }
        int month = MONTHS.indexOf(text.substring(from + 3, from + 6));
        int day = digits(text, from, 2);
        int year = digits(text, from + 7, 4);
        long clock = clock(text, from + 12);
        if (month < 0 || month % 3 != 0 || day < 0 || year < 0 || clock < 0 || text.charAt(from + 11) != ':') {
            return UNREADABLE;
        }
        long date = dateSeconds(year, month / 3 + 1, day);
        long offset = to - from >= CLF_LENGTH + 6 ? offset(text, from + CLF_LENGTH + 1, to) : 0;
        return date == UNREADABLE || offset == UNREADABLE ? UNREADABLE : (date + clock - offset) * MICROS;
    }

    /** Reads {@code 2015-05-17T10:05:03.123456Z}, with a space or T, with or without a fraction and an offset. */
    long iso(String text, int from, int to) {
        if (to - from < 19 || text.charAt(from + 4) != '-' || text.charAt(from + 7) != '-') {
            return UNREADABLE;
        }
        int year = digits(text, from, 4);
        int month = digits(text, from + 5, 2);
        int day = digits(text, from + 8, 2);
        long clock = clock(text, from + 11);
        if (year < 0 || month < 1 || day < 0 || clock < 0) {
            return UNREADABLE;
        }
        long date = dateSeconds(year, month, day);
        int position = from + 19;
        long fraction = 0;
        if (position < to && (text.charAt(position) == '.' || text.charAt(position) == ',')) {
            int digit = 0;
            position++;
            for (; position < to && isDigit(text.charAt(position)); position++, digit++) {
                fraction = digit < FRACTION_DIGITS ? fraction * 10 + text.charAt(position) - '0' : fraction;
            }
            for (; digit < FRACTION_DIGITS; digit++) {
                fraction *= 10;
            }
        }
        long offset = position < to && text.charAt(position) != 'Z' ? offset(text, position, to) : 0;
        return date == UNREADABLE || offset == UNREADABLE ? UNREADABLE : (date + clock - offset) * MICROS + fraction;
    }

    /** Reads a time in any of the formats, or a number of seconds, milliseconds or microseconds since the epoch. */
    long any(String text) {
        String time = text.strip();
        if (time.startsWith("[") && time.endsWith("]")) {
            time = time.substring(1, time.length() - 1);
        }
        if (time.isEmpty()) {
            return UNREADABLE;
        }
        if (time.length() > 4 && time.charAt(4) == '-') {
            return iso(time, 0, time.length());
        }
        return time.indexOf('/') > 0 ? clf(time, 0, time.length()) : epoch(time);
    }

    private static long epoch(String text) {
        try {
            double number = Double.parseDouble(text);
            if (!(number > 0) || number > 1e17) {
                return UNREADABLE;
            }
            boolean whole = text.chars().allMatch(c -> isDigit((char) c));
            if (number < 1e11) {
                return whole ? Long.parseLong(text) * MICROS : Math.round(number * MICROS);
            }
            if (number < 1e14) {
                return whole ? Long.parseLong(text) * 1000 : Math.round(number * 1000);
            }
            return Math.round(number);
        } catch (NumberFormatException e) {
            return UNREADABLE;
        }
    }

    private long dateSeconds(int year, int month, int day) {
        int id = (year * 16 + month) * 32 + day;
        if (id != lastDay) {
            if (month > 12
                    || day < 1
                    || day > 31
                    || day > LocalDate.of(year, month, 1).lengthOfMonth()) {
                return UNREADABLE;
            }
            lastDaySeconds = LocalDate.of(year, month, day).atStartOfDay().toEpochSecond(ZoneOffset.UTC);
            lastDay = id;
        }
        return lastDaySeconds;
    }

    /** Reads {@code 13:55:36} as seconds; a leap second counts as the second after it. */
    private static long clock(String text, int at) {
        int hour = digits(text, at, 2);
        int minute = digits(text, at + 3, 2);
        int second = digits(text, at + 6, 2);
        boolean valid = hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second <= 60;
        return valid ? (hour * 60L + minute) * 60 + second : -1;
    }

    /** Reads {@code +0200} or {@code +02:00} as seconds. */
    private static long offset(String text, int from, int to) {
        if (to - from < 5) {
            return UNREADABLE;
        }
        char sign = text.charAt(from);
        int hours = digits(text, from + 1, 2);
        int minutes = digits(text, text.charAt(from + 3) == ':' && to - from > 5 ? from + 4 : from + 3, 2);
        if (sign != '+' && sign != '-' || hours < 0 || minutes < 0) {
            return UNREADABLE;
        }
        long seconds = (hours * 60L + minutes) * 60;
        return sign == '-' ? -seconds : seconds;
    }

    private static int digits(String text, int at, int count) {
        if (at + count > text.length()) {
            return -1;
        }
        int number = 0;
        for (int i = at; i < at + count; i++) {
            char c = text.charAt(i);
            if (!isDigit(c)) {
                return -1;
            }
            number = number * 10 + c - '0';
        }
        return number;
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }
}
