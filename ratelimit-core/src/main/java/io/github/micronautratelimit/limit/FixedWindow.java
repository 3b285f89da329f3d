package io.github.micronautratelimit.limit;

import org.jspecify.annotations.Nullable;

/**
 * A quota per calendar period: {@code 10000/day fixed}.
 *
 * <p>Time is divided into windows of one period, counted from the Unix epoch. A day therefore begins at midnight UTC
 * and a minute on the minute. Each window grants at most {@code permits}, at any time within it, and the next window
 * starts with all of them. Around the border of two windows the permits of both may be granted within a short time; a
 * {@link SlidingWindow} avoids this.
 */
public final class FixedWindow extends Limit {

    /**
     * Creates a limit; see {@link Limit#fixedWindow(long, java.time.Duration)}.
     *
     * @param permits      permits per window, 1 to {@link Limit#MAX_PERMITS}
     * @param periodMicros the window in microseconds, 1 to 366 days
     * @throws IllegalArgumentException if a number is out of range
     */
    public FixedWindow(long permits, long periodMicros) {
        super(permits, periodMicros);
    }

    @Override
    public long longestResetMicros() {
        return periodMicros();
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
    SingleLimitState single(@Nullable LimitState stored, long nowMicros) {
        long window = Math.floorDiv(nowMicros, periodMicros());
        if (stored instanceof State state && continues(state) && state.window >= window) {
            return new State(this, state.window, state.used);
        }
        return new State(this, window, 0);
    }

    @Override
    SingleLimitState read(StateCodec.Reader in) {
        return new State(this, in.number(), in.number());
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
            return chargedAtMicros == LATEST || Math.floorDiv(chargedAtMicros, limit.periodMicros()) == window
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

        private long end() {
            return (window + 1) * limit.periodMicros();
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
