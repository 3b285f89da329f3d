package io.github.micronautratelimit;

import org.jspecify.annotations.Nullable;

/**
 * A quota per calendar period: {@code 10000/day fixed}.
 *
 * <p>Time is cut into windows of one period each, counted from the Unix epoch, so a day begins at midnight UTC and a
 * minute on the minute. Each window grants at most {@code permits}, whenever in it they are asked for; with the next
 * window all of them are back. Two windows' permits may thus fall close together around their border: where that
 * matters, use a {@link SlidingWindow}.
 */
public final class FixedWindow extends Limit {

    /**
     * A quota.
     *
     * @param permits      permits per window, 1 to {@link Limit#MAX_PERMITS}
     * @param periodMicros the window in microseconds, 1 to 366 days
     * @throws IllegalArgumentException if a number is out of range
     */
    public FixedWindow(long permits, long periodMicros) {
        super(permits, periodMicros);
    }

    @Override
    String suffix() {
        return " fixed";
    }

    @Override
    boolean continues(LimitState stored) {
        return stored instanceof State state && state.limit.periodMicros() == periodMicros();
    }

    @Override
    SingleState single(@Nullable LimitState stored, long nowMicros) {
        long window = Math.floorDiv(nowMicros, periodMicros());
        if (stored instanceof State state && continues(state) && state.window >= window) {
            return new State(this, state.window, state.used);
        }
        return new State(this, window, 0);
    }

    @Override
    SingleState read(Wire.Reader in) {
        return new State(this, in.number(), in.number());
    }

    /** The permits used in one window. */
    static final class State extends SingleState {

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
        public SingleState charge(long permits) {
            return new State(limit, window, used + permits);
        }

        @Override
        public SingleState refund(long permits) {
            return new State(limit, window, Math.max(0, used - permits));
        }

        @Override
        public long remaining() {
            return Math.max(0, limit.permits() - used);
        }

        @Override
        public long retryAfter(long permits, long nowMicros) {
            return permits > limit.permits() ? Decision.NEVER : end() - nowMicros;
        }

        @Override
        public long resetAfter(long nowMicros) {
            return used == 0 ? 0 : Math.max(0, end() - nowMicros);
        }

        private long end() {
            return (window + 1) * limit.periodMicros();
        }

        @Override
        SingleState joinSame(SingleState other) {
            State same = (State) other;
            if (window != same.window) {
                return window > same.window ? this : same;
            }
            return used >= same.used ? this : same;
        }

        @Override
        void write(Wire.Writer out) {
            out.number(window);
            out.number(used);
        }

        @Override
        Limit limit() {
            return limit;
        }
    }
}
