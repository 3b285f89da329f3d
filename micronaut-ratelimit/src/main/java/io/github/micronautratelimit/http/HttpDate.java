package io.github.micronautratelimit.http;

import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/**
 * The present time as the header {@code Date} states it (RFC 9110, 5.6.7). It is formatted once per second, because
 * that takes longer than a decision. Safe for use by any number of threads.
 */
final class HttpDate {

    private static final DateTimeFormatter FORMAT = DateTimeFormatter.ofPattern(
                    "EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.US)
            .withZone(ZoneOffset.UTC);

    private final InstantSource clock;
    private volatile Formatted latest = new Formatted(Long.MIN_VALUE, "");

    private record Formatted(long second, String text) {}

    HttpDate(InstantSource clock) {
        this.clock = clock;
    }

    /** Returns for example {@code Sun, 06 Nov 1994 08:49:37 GMT}. */
    String now() {
        long second = Math.floorDiv(clock.millis(), 1_000L);
        Formatted known = latest;
        if (known.second != second) {
            known = new Formatted(second, FORMAT.format(Instant.ofEpochSecond(second)));
            latest = known;
        }
        return known.text;
    }
}
