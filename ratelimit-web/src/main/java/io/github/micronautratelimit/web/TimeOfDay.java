package io.github.micronautratelimit.web;

import io.github.micronautratelimit.MicroClock;
import java.time.Instant;
import java.time.LocalTime;
import java.time.ZoneId;
import org.jspecify.annotations.Nullable;

/**
 * A part of every day by the local time of a zone, over midnight if it ends before it begins. Remembers the answer of
 * the present minute, because all times and offsets of zones are whole minutes.
 */
final class TimeOfDay implements CaseCondition {

    private static final long MICROS_PER_MINUTE = 60_000_000;
    private static final int SECONDS_PER_MINUTE = 60;

    private final LocalTime from;
    private final LocalTime to;
    private final ZoneId zone;
    /** The last minute since the epoch, doubled, plus 1 if it is within the times; one value, so that threads agree. */
    private volatile long last = Long.MIN_VALUE;

    /**
     * Creates a condition.
     *
     * @param from the first minute
     * @param to   the minute after the last one, another one than the first
     * @param zone the zone
     */
    TimeOfDay(LocalTime from, LocalTime to, ZoneId zone) {
        this.from = from;
        this.to = to;
        this.zone = zone;
    }

    @Override
    public Match test(WebRequest request, @Nullable AddressBits client, MicroClock clock) {
        long minute = Math.floorDiv(clock.micros(), MICROS_PER_MINUTE);
        long known = last;
        if (known >> 1 != minute) {
            known = minute << 1 | (isWithin(minute) ? 1 : 0);
            last = known;
        }
        return Match.of((known & 1) != 0);
    }

    private boolean isWithin(long minute) {
        LocalTime now = LocalTime.ofInstant(Instant.ofEpochSecond(minute * SECONDS_PER_MINUTE), zone);
        return from.isBefore(to) ? !now.isBefore(from) && now.isBefore(to) : !now.isBefore(from) || now.isBefore(to);
    }

    @Override
    public boolean covers(CaseCondition other) {
        return other instanceof TimeOfDay time
                && time.zone.equals(zone)
                && time.from.equals(from)
                && time.to.equals(to);
    }

    @Override
    public String toString() {
        return "time:" + from + "-" + to + " " + zone;
    }
}
