package io.github.micronautratelimit.limit;

import java.time.DayOfWeek;
import java.time.Month;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A quota per window: {@code 10000/day fixed}, or per calendar period: {@code 1000/month}.
 *
 * <p>Each window grants at most {@code permits}, at any time within it, and the next window starts with all of them.
 * Around the border of two windows the permits of both may be granted within a short time; a {@link SlidingWindow}
 * avoids this.
 *
 * <p>Windows of a fixed length are counted from the Unix epoch: a day begins at midnight UTC and a minute on the
 * minute. The windows of a {@link CalendarPeriod} begin at instants of a time zone, so they differ in length. A day in
 * which clocks are set forward by an hour has 23 hours, and the next day starts with all permits at its own midnight.
 * If midnight does not exist, the day starts at its first instant; if midnight comes twice, at the first one.
 *
 * <p>Windows are numbered, and a state contains the number of its window. Equal limits number their windows alike.
 */
public final class FixedWindow extends Limit {

    /** {@code null} for windows of a fixed length. */
    private final @Nullable CalendarWindows windows;

    /**
     * Creates a limit; see {@link Limit#fixedWindow(long, java.time.Duration)}.
     *
     * @param permits      permits per window, 1 to {@link Limit#MAX_PERMITS}
     * @param periodMicros the window in microseconds, 1 to 366 days
     * @throws IllegalArgumentException if a number is out of range
     */
    public FixedWindow(long permits, long periodMicros) {
        super(permits, periodMicros);
        this.windows = null;
    }

    /**
     * Creates a calendar quota; see {@link Limit#fixedWindow(long, CalendarPeriod)}.
     *
     * @param permits permits per window, 1 to {@link Limit#MAX_PERMITS}
     * @param period  the windows. The {@linkplain #periodMicros() period} of the limit is its nominal length
     * @throws IllegalArgumentException if the permits are out of range
     */
    public FixedWindow(long permits, CalendarPeriod period) {
        this(permits, new CalendarWindows(period));
    }

    private FixedWindow(long permits, CalendarWindows windows) {
        super(permits, windows.nominalMicros());
        this.windows = windows;
    }

    /**
     * Returns the calendar period of the windows.
     *
     * @return {@code null} for windows of a fixed length
     */
    public @Nullable CalendarPeriod calendar() {
        return windows == null ? null : windows.period();
    }

    /**
     * Returns a limit with other permits in the same windows.
     *
     * @param permits permits per window, 1 to {@link Limit#MAX_PERMITS}
     * @return a limit of the same windows
     * @throws IllegalArgumentException if the permits are out of range
     */
    public FixedWindow withPermits(long permits) {
        return windows == null ? new FixedWindow(permits, periodMicros()) : new FixedWindow(permits, windows);
    }

    /**
     * Returns the number of the window that contains an instant.
     *
     * @param micros the instant, in microseconds since the epoch
     * @return for a fixed length, the windows since the epoch; for a calendar period, the days, weeks, months or years
     *         since the year 0
     */
    public long windowAt(long micros) {
        return windows == null
                ? Math.floorDiv(micros, periodMicros())
                : windows.at(micros).number();
    }

    /**
     * Returns the start of a window, which is the end of the window before.
     *
     * @param window its number
     * @return microseconds since the epoch
     */
    public long startOf(long window) {
        return windows == null ? window * periodMicros() : windows.startOf(window);
    }

    /** Returns more than the length of any window. A time zone that crosses the date line may repeat a day. */
    @Override
    public long longestResetMicros() {
        return windows == null ? periodMicros() : windows.longestMicros();
    }

    @Override
    String suffix() {
        return windows == null ? " fixed" : "";
    }

    @Override
    String periodText() {
        return windows == null ? super.periodText() : windows.period().toString();
    }

    @Override
    Object kind() {
        return windows == null ? super.kind() : windows.period();
    }

    @Override
    boolean continues(LimitState stored) {
        return stored instanceof State state
                && state.limit.periodMicros() == periodMicros()
                && state.limit.kind().equals(kind());
    }

    @Override
    SingleLimitState single(@Nullable LimitState stored, long nowMicros) {
        long window = windowAt(nowMicros);
        if (stored instanceof State state && continues(state) && state.window >= window) {
            return new State(this, state.window, state.used);
        }
        return new State(this, window, 0);
    }

    @Override
    SingleLimitState read(StateCodec.Reader in) {
        return new State(this, in.number(), in.number());
    }

    /**
     * The windows of a calendar quota: days, weeks, months or years of a time zone.
     *
     * @param unit  {@link ChronoUnit#DAYS}, {@link ChronoUnit#WEEKS}, {@link ChronoUnit#MONTHS} or
     *              {@link ChronoUnit#YEARS}
     * @param first the first day of a week (1, Monday, to 7), the first day of a month (1 to 31; a shorter month starts
     *              on its last day), or the first month of a year (1 to 12); 1 for days
     * @param zone  a region such as {@code Europe/Berlin}, or an offset
     */
    public record CalendarPeriod(ChronoUnit unit, int first, ZoneId zone) {

        /** The time zone of a text that names none. */
        static final ZoneId UTC = ZoneId.of("UTC");

        /**
         * Creates a period.
         *
         * @param unit  the unit
         * @param first the first day or month
         * @param zone  the time zone
         * @throws IllegalArgumentException if the unit or the first day or month is none of those named above
         */
        public CalendarPeriod {
            int last =
                    switch (unit) {
                        case DAYS -> 1;
                        case WEEKS -> DayOfWeek.values().length;
                        case MONTHS -> Month.JANUARY.maxLength();
                        case YEARS -> Month.values().length;
                        default -> throw new IllegalArgumentException("A calendar period of " + unit
                                + " does not exist; the unit must be DAYS, WEEKS, MONTHS or YEARS.");
                    };
            if (first < 1 || first > last) {
                throw new IllegalArgumentException("A calendar period of " + unit + " from " + first
                        + " is out of range; write 1 to " + last + ".");
            }
            Objects.requireNonNull(zone);
            zone = zone.equals(ZoneOffset.UTC) ? UTC : zone;
        }

        /**
         * Creates days that start at midnight.
         *
         * @param zone the time zone
         * @return {@code day ZONE}
         */
        public static CalendarPeriod daily(ZoneId zone) {
            return new CalendarPeriod(ChronoUnit.DAYS, 1, zone);
        }

        /**
         * Creates weeks.
         *
         * @param first the first day of a week
         * @param zone  the time zone
         * @return {@code week from FIRST ZONE}
         */
        public static CalendarPeriod weekly(DayOfWeek first, ZoneId zone) {
            return new CalendarPeriod(ChronoUnit.WEEKS, first.getValue(), zone);
        }

        /**
         * Creates months. From the 31st, the months of a year start on 31 January, 28 or 29 February, 31 March, 30
         * April and so on.
         *
         * @param first the first day of a month, 1 to 31
         * @param zone  the time zone
         * @return {@code month from FIRST ZONE}
         * @throws IllegalArgumentException if the day is out of range
         */
        public static CalendarPeriod monthly(int first, ZoneId zone) {
            return new CalendarPeriod(ChronoUnit.MONTHS, first, zone);
        }

        /**
         * Creates years.
         *
         * @param first the first month of a year
         * @param zone  the time zone
         * @return {@code year from FIRST ZONE}
         */
        public static CalendarPeriod yearly(Month first, ZoneId zone) {
            return new CalendarPeriod(ChronoUnit.YEARS, first.getValue(), zone);
        }

        /** Returns the text form: {@code month}, {@code month from 31 Europe/Berlin}, {@code day UTC}. */
        @Override
        public String toString() {
            return CalendarText.print(this);
        }
    }

    /** The permits granted in one window. */
    static final class State extends SingleLimitState {

        private final FixedWindow limit;
        private final long window;
        private final long used;

        State(FixedWindow limit, long window, long used) {
            this.limit = limit;
            this.window = window;
            this.used = used;
        }

        @Override
        public boolean admits(long permits) {
            return permits == 0 || permits <= limit.permits() - used;
        }

        @Override
        public SingleLimitState charge(long permits) {
            return new State(limit, window, used + permits);
        }

        @Override
        public SingleLimitState chargeBeyond(long permits, long maxDebt) {
            return charge(Math.min(permits, Math.max(0, limit.mostMissing(maxDebt) - used)));
        }

        @Override
        public SingleLimitState refund(long permits, long chargedAtMicros) {
            return chargedAtMicros == LATEST || limit.startOf(window) <= chargedAtMicros && chargedAtMicros < end()
                    ? new State(limit, window, Math.max(0, used - permits))
                    : this;
        }

        @Override
        public long remaining() {
            return Math.max(0, limit.permits() - used);
        }

        @Override
        public long retryAfter(long permits, long nowMicros) {
            return permits > limit.permits() ? NEVER : Math.min(end() - nowMicros, longestWait());
        }

        @Override
        long freeAfter(long nowMicros) {
            return used == 0 ? 0 : Math.max(0, end() - nowMicros);
        }

        @Override
        long spent() {
            return used;
        }

        /** Returns the time until the next window, even if no permits are spent. */
        @Override
        long renewedAfter(long nowMicros) {
            long end = used == 0 ? limit.startOf(limit.windowAt(nowMicros) + 1) : end();
            return Math.min(end - nowMicros, longestWait());
        }

        private long end() {
            return limit.startOf(window + 1);
        }

        @Override
        SingleLimitState joinSame(SingleLimitState other) {
            State same = (State) other;
            if (window != same.window) {
                return window > same.window ? this : same;
            }
            return used >= same.used ? this : same;
        }

        @Override
        long spentBeyondSame(SingleLimitState other) {
            return used - ((State) other).used;
        }

        @Override
        void write(StateCodec.Writer out) {
            out.number(window);
            out.number(used);
        }

        @Override
        Limit limit() {
            return limit;
        }
    }
}
