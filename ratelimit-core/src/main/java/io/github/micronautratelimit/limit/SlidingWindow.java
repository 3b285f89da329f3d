package io.github.micronautratelimit.limit;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A hard cap in any period: {@code 1000/h sliding} grants at most 1000 permits in <em>any</em> hour, wherever that hour
 * begins. It uses neither averages nor weights.
 *
 * <p>Time is divided into segments of a 64th of the period, rounded up to whole microseconds and counted from the Unix
 * epoch. The window at an instant consists of the present segment and of as many segments before it as cover a period:
 * 64, or fewer for a period below 4 ms. A request is granted if its permits and the permits counted in the window stay
 * within the limit.
 *
 * <p>A permit comes back when its segment leaves the window: never early, and late by at most a segment. If 64
 * microseconds do not divide the period, the rounding adds at most another segment. The state has at most 65 counters,
 * whatever the limit.
 */
public final class SlidingWindow extends Limit {

    private static final int SEGMENTS_PER_PERIOD = 64;
    private static final long[] NONE = {};

    private final long segmentMicros;
    /** The segments that cover a period. */
    private final long segments;

    /**
     * Creates a limit; see {@link Limit#slidingWindow(long, java.time.Duration)}.
     *
     * @param permits      permits per period, 1 to {@link Limit#MAX_PERMITS}
     * @param periodMicros the period in microseconds, 1 to 366 days
     * @throws IllegalArgumentException if a number is out of range
     */
    public SlidingWindow(long permits, long periodMicros) {
        super(permits, periodMicros);
        this.segmentMicros = (periodMicros + SEGMENTS_PER_PERIOD - 1) / SEGMENTS_PER_PERIOD;
        this.segments = (periodMicros + segmentMicros - 1) / segmentMicros;
    }

    /**
     * Returns the length of a segment, whose permits come back together.
     *
     * @return microseconds, a 64th of the period rounded up
     */
    public long segmentMicros() {
        return segmentMicros;
    }

    @Override
    public long longestResetMicros() {
        return (segments + 1) * segmentMicros;
    }

    @Override
    String suffix() {
        return " sliding";
    }

    @Override
    boolean continues(LimitState stored) {
        return stored instanceof State state && state.limit.periodMicros() == periodMicros();
    }

    @Override
    SingleLimitState single(@Nullable LimitState stored, long nowMicros) {
        return stored instanceof State state && continues(state)
                ? forward(state, nowMicros)
                : new State(this, Math.floorDiv(nowMicros, segmentMicros), NONE, 0);
    }

    /** Returns a state of this period at an instant; an earlier instant counts as the start of the newest segment. */
    private State forward(State state, long nowMicros) {
        long now = Math.max(nowMicros, state.newest * segmentMicros);
        long segment = Math.floorDiv(now, segmentMicros);
        long passed = segment - state.newest;
        int kept = (int) Math.max(0, Math.min(state.counts.length, segments + 1 - passed));
        if (passed == 0 && kept == state.counts.length) {
            return new State(this, segment, state.counts, state.total);
        }
        if (kept == 0 || state.total == 0) {
            return new State(this, segment, NONE, 0);
        }
        long[] counts = new long[(int) passed + kept];
        System.arraycopy(state.counts, 0, counts, (int) passed, kept);
        long total = state.total;
        for (int left = kept; left < state.counts.length; left++) {
            total -= state.counts[left];
        }
        return new State(this, segment, counts, total);
    }

    @Override
    SingleLimitState read(StateCodec.Reader in) {
        long newest = in.number();
        long[] counts = new long[in.count()];
        long total = 0;
        for (int i = 0; i < counts.length; i++) {
            counts[i] = in.number();
            total += counts[i];
        }
        return new State(this, newest, counts, total);
    }

    /** The permits granted in each segment of the window, newest first. Segments beyond the array granted none. */
    static final class State extends SingleLimitState {

        private final SlidingWindow limit;
        private final long newest;
        /** Never changes, because states share it. */
        private final long[] counts;
        /** Always the sum of {@link #counts}. */
        private final long total;

        State(SlidingWindow limit, long newest, long[] counts, long total) {
            this.limit = limit;
            this.newest = newest;
            this.counts = counts;
            this.total = total;
        }

        @Override
        public boolean admits(long permits) {
            return permits == 0 || permits <= limit.permits() - total;
        }

        @Override
        public SingleLimitState charge(long permits) {
            long[] charged = Arrays.copyOf(counts, Math.max(1, counts.length));
            charged[0] += permits;
            return new State(limit, newest, charged, total + permits);
        }

        @Override
        public SingleLimitState chargeBeyond(long permits, long maxDebt) {
            return charge(Math.min(permits, Math.max(0, limit.mostMissing(maxDebt) - total)));
        }

        @Override
        public SingleLimitState refund(long permits, long chargedAtMicros) {
            int first = 0;
            int last = counts.length - 1;
            if (chargedAtMicros != LATEST) {
                long age = newest - Math.floorDiv(chargedAtMicros, limit.segmentMicros);
                if (age < 0 || age > last) {
                    return this;
                }
                first = (int) age;
                last = first;
            }
            long[] refunded = counts.clone();
            long left = permits;
            for (int i = first; i <= last && left > 0; i++) {
                long back = Math.min(left, refunded[i]);
                refunded[i] -= back;
                left -= back;
            }
            return new State(limit, newest, refunded, total - permits + left);
        }

        @Override
        public long remaining() {
            return Math.max(0, limit.permits() - total);
        }

        @Override
        public long retryAfter(long permits, long nowMicros) {
            if (permits > limit.permits()) {
                return NEVER;
            }
            long excess = total + permits - limit.permits();
            int oldest = counts.length;
            while (excess > 0) {
                excess -= counts[--oldest];
            }
            return Math.min(leaves(oldest) - nowMicros, longestWait());
        }

        @Override
        long spent() {
            return total;
        }

        @Override
        long freeAfter(long nowMicros) {
            if (total == 0) {
                return 0;
            }
            int latest = 0;
            while (counts[latest] == 0) {
                latest++;
            }
            return Math.max(0, leaves(latest) - nowMicros);
        }

        /** Returns the instant at which a segment leaves the window; the newest segment has the age 0. */
        private long leaves(int age) {
            return (newest - age + limit.segments + 1) * limit.segmentMicros;
        }

        /** Keeps the larger number of permits of each segment. */
        @Override
        SingleLimitState joinSame(SingleLimitState other) {
            long later = Math.max(newest, ((State) other).newest);
            State a = limit.forward(this, later * limit.segmentMicros);
            State b = limit.forward((State) other, later * limit.segmentMicros);
            long[] larger = Arrays.copyOf(a.counts, Math.max(a.counts.length, b.counts.length));
            for (int i = 0; i < b.counts.length; i++) {
                larger[i] = Math.max(larger[i], b.counts[i]);
            }
            return new State(limit, later, larger, Arrays.stream(larger).sum());
        }

        @Override
        long spentBeyondSame(SingleLimitState other) {
            return total - ((State) other).total;
        }

        @Override
        void write(StateCodec.Writer out) {
            out.number(newest);
            out.number(counts.length);
            for (long count : counts) {
                out.number(count);
            }
        }

        @Override
        Limit limit() {
            return limit;
        }
    }
}
