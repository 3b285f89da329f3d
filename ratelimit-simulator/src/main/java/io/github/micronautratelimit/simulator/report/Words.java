package io.github.micronautratelimit.simulator.report;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** Writes numbers, times and text of reports. */
final class Words {

    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss", Locale.ROOT).withZone(ZoneOffset.UTC);
    private static final DateTimeFormatter SHORT =
            DateTimeFormatter.ofPattern("d MMM HH:mm", Locale.ROOT).withZone(ZoneOffset.UTC);
    private static final long MICROS = 1_000_000;

    private Words() {}

    /** Returns a number with groups of digits, such as {@code 12 345}. */
    static String number(long number) {
        return String.format(Locale.ROOT, "%,d", number).replace(',', '\u202f');
    }

    /** Returns a short number, such as {@code 12k}. */
    static String brief(long number) {
        if (number < 10_000) {
            return Long.toString(number);
        }
        return number < 10_000_000 ? number / 1_000 + "k" : number / 1_000_000 + "M";
    }

    /** Returns a share as a percentage whose smallest values do not vanish. */
    static String percent(double share) {
        double percent = 100 * share;
        if (percent == 0) {
            return "0\u202f%";
        }
        if (percent < 0.01) {
            return "<\u202f0.01\u202f%";
        }
        int digits = percent < 1 || percent >= 99 && percent < 100 ? 2 : percent < 10 ? 1 : 0;
        BigDecimal rounded = BigDecimal.valueOf(percent).setScale(digits, RoundingMode.HALF_UP);
        return rounded.stripTrailingZeros().toPlainString() + "\u202f%";
    }

    /** Returns a time in UTC. */
    static String time(long micros) {
        return TIME.format(Instant.ofEpochSecond(micros / MICROS));
    }

    /** Returns a time in UTC without year and seconds. */
    static String briefTime(long micros) {
        return SHORT.format(Instant.ofEpochSecond(micros / MICROS));
    }

    /** Returns a length of time in its two largest units. */
    static String duration(long micros) {
        long seconds = micros / MICROS;
        if (seconds < 60) {
            return seconds + "\u202fs";
        }
        if (seconds < 3_600) {
            return seconds / 60 + "\u202fmin" + (seconds % 60 == 0 ? "" : " " + seconds % 60 + "\u202fs");
        }
        if (seconds < 86_400) {
            return seconds / 3_600 + "\u202fh" + (seconds % 3_600 < 60 ? "" : " " + seconds % 3_600 / 60 + "\u202fmin");
        }
        return seconds / 86_400 + "\u202fd"
                + (seconds % 86_400 < 3_600 ? "" : " " + seconds % 86_400 / 3_600 + "\u202fh");
    }

    /** Escapes a text for HTML. Logs contain what attackers have sent. */
    static String escaped(String text) {
        StringBuilder escaped = new StringBuilder(text.length() + 16);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '&' -> escaped.append("&amp;");
                case '<' -> escaped.append("&lt;");
                case '>' -> escaped.append("&gt;");
                case '"' -> escaped.append("&quot;");
                case '\'' -> escaped.append("&#39;");
                default -> escaped.append(c);
            }
        }
        return escaped.toString();
    }
}
