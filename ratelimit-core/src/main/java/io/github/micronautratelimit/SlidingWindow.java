package io.github.micronautratelimit;

import java.util.Arrays;

import org.jspecify.annotations.Nullable;

/**
 * A hard cap over any stretch of time: {@code 1000/h sliding} grants at most 1000 permits in <em>any</em> hour,
 * wherever that hour begins. Nothing is averaged or weighted.
 *
 * <p>The period is cut into segments of a 64th (rounded up to whole microseconds), counted from the Unix epoch. The
 * window at an instant is the instant's own segment and the 64 before it, which together always cover a full period;
 * a request passes if the permits counted in them leave room for its own. A permit comes back when its segment leaves
 * the window: at most a 64th of a period late, never early. (Periods below 4 ms are cut into whole microseconds that add
 * up to more: there a permit may come back later.) State is at most 65 counters, whatever the limit.
 */
public final class SlidingWindow extends Limit {

    private static final int SEGMENTS_PER_PERIOD = 64;
    private static final int SEGMENTS = SEGMENTS_PER_PERIOD + 1;
    private static final long[] NONE = {};

    private final long segmentMicros;

    /**
     * A cap over any period.
     *
     * @param permits      permits per period, 1 to {@link Limit#MAX_PERMITS}
     * @param periodMicros the period in microseconds, 1 to 366 days
     * @throws IllegalArgumentException if a number is out of range
     */
    public SlidingWindow(long permits, long periodMicros) {
        super(permits, periodMicros);
        this.segmentMicros = (periodMicros + SEGMENTS_PER_PERIOD - 1) / SEGMENTS_PER_PERIOD;
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
    SingleState single(@Nullable LimitState stored, long nowMicros) {
        long segment = Math.floorDiv(nowMicros, segmentMicros);
        return stored instanceof State state && continues(state) ? forward(state, segment)
                : new State(this, segment, NONE, 0);
    }

    /** A state of this period at a segment, which is taken as the state's own if it lies before that. */
    private State forward(State state, long segment) {
        long passed = segment - state.newest;
        if (passed <= 0) {
            return new State(this, state.newest, state.counts, state.total);
        }
        if (passed >= SEGMENTS || state.total == 0) {
            return new State(this, segment, NONE, 0);
        }
        int kept = Math.min(state.counts.length, SEGMENTS - (int) passed);
        long[] counts = new long[(int) passed + kept];
        System.arraycopy(state.counts, 0, counts, (int) passed, kept);
        long total = state.total;
        for (int gone = kept; gone < state.counts.length; gone++) {
            total -= state.counts[gone];
        }
        return new State(this, segment, counts, total);
    }

    @Override
    SingleState read(Wire.Reader in) {
        long newest = in.number();
        long[] counts = new long[in.count()];
        long total = 0;
        for (int i = 0; i < counts.length; i++) {
            counts[i] = in.number();
            total += counts[i];
        }
        return new State(this, newest, counts, total);
    }

    /** The permits granted in each segment of the window, newest first; segments not listed granted none. */
    static final class State extends SingleState {

        private final SlidingWindow limit;
        private final long newest;
        /** Never written to once a state holds it. */
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
        public SingleState charge(long permits) {
            long[] charged = Arrays.copyOf(counts, Math.max(1, counts.length));
            charged[0] += permits;
            return new State(limit, newest, charged, total + permits);
        }

        @Override
        public SingleState refund(long permits) {
            long[] refunded = counts.clone();
            long left = Math.min(permits, total);
            for (int i = 0; left > 0; i++) {
                long back = Math.min(left, refunded[i]);
                refunded[i] -= back;
                left -= back;
            }
            return new State(limit, newest, refunded, total - Math.min(permits, total));
        }

        @Override
        public long remaining() {
            return Math.max(0, limit.permits() - total);
        }

        @Override
        public long retryAfter(long permits, long nowMicros) {
            if (permits > limit.permits()) {
                return Decision.NEVER;
            }
            long excess = total + permits - limit.permits();
            int oldest = counts.length;
            while (excess > 0) {
                excess -= counts[--oldest];
            }
            return leaves(oldest) - nowMicros;
        }

        @Override
        public long resetAfter(long nowMicros) {
            if (total == 0) {
                return 0;
            }
            int latest = 0;
            while (counts[latest] == 0) {
                latest++;
            }
            return Math.max(0, leaves(latest) - nowMicros);
        }

        /** The instant at which the segment so many before the newest is no longer in the window. */
        private long leaves(int age) {
            return (newest - age + SEGMENTS) * limit.segmentMicros;
        }

        /** Segment by segment, the more that was granted in either. */
        @Override
        SingleState joinSame(SingleState other) {
            long later = Math.max(newest, ((State) other).newest);
            State a = limit.forward(this, later);
            State b = limit.forward((State) other, later);
            long[] most = Arrays.copyOf(a.counts, Math.max(a.counts.length, b.counts.length));
            for (int i = 0; i < b.counts.length; i++) {
                most[i] = Math.max(most[i], b.counts[i]);
            }
            return new State(limit, later, most, Arrays.stream(most).sum());
        }

        @Override
        void write(Wire.Writer out) {
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
