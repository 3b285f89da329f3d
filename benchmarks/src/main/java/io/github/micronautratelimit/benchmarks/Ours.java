package io.github.micronautratelimit.benchmarks;

import java.util.List;
import java.util.concurrent.CompletionStage;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.memory.MemoryBackend;

/** This library's limiter in memory, under several policies. The result is the full decision. */
public class Ours {

    /** One token bucket, granting. */
    @Benchmark
    public Decision ours(Bucket limiter, Cursor cursor) {
        return limiter.acquire(cursor.next());
    }

    /** The same by the asynchronous verb. */
    @Benchmark
    public CompletionStage<Decision> oursAsync(Bucket limiter, Cursor cursor) {
        return limiter.acquireAsync(cursor.next());
    }

    /** The same, counted for metrics. */
    @Benchmark
    public Decision oursCounted(Counted limiter, Cursor cursor) {
        return limiter.acquire(cursor.next());
    }

    /** The same, told to a listener on the thread that decided. */
    @Benchmark
    public Decision oursHeard(Heard limiter, Cursor cursor) {
        return limiter.acquire(cursor.next());
    }

    /** One token bucket, denying. */
    @Benchmark
    public Decision oursDenied(UsedUp limiter, Cursor cursor) {
        return limiter.acquire(cursor.next());
    }

    /** One sliding window, granting. */
    @Benchmark
    public Decision oursSliding(Sliding limiter, Cursor cursor) {
        return limiter.acquire(cursor.next());
    }

    /** One fixed window, granting. */
    @Benchmark
    public Decision oursFixed(Fixed limiter, Cursor cursor) {
        return limiter.acquire(cursor.next());
    }

    /** A token bucket and a fixed window in one policy, granting. */
    @Benchmark
    public Decision oursTwoLimits(TwoLimits limiter, Cursor cursor) {
        return limiter.acquire(cursor.next());
    }

    /** One token bucket, granting, with a clock that stands still: what a decision costs but for reading the time. */
    @Benchmark
    public Decision oursInNoTime(Timeless limiter, Cursor cursor) {
        return limiter.acquire(cursor.next());
    }

    /** Reading the time, and nothing else: what {@link #ours} pays above {@link #oursInNoTime}. */
    @Benchmark
    public long clockAlone(Keys keys) {
        return MicroClock.system().micros();
    }

    /**
     * Owes a permit for over half a second, and so is live when the next visit comes, and has room for all that a run
     * can take.
     */
    public static class Bucket extends Limited {

        public Bucket() {
            super("100/min burst 1000000000");
        }
    }

    /** Counts its decisions, as it does for metrics. */
    public static class Counted extends Limited {

        public Counted() {
            super("100/min burst 1000000000", MicroClock.system(), List.of());
            limiter().counts();
        }
    }

    /** Has a listener that does nothing. */
    public static class Heard extends Limited {

        public Heard() {
            super("100/min burst 1000000000", MicroClock.system(), List.of(new RateLimitListener() {
                @Override
                public boolean isInline() {
                    return true;
                }
            }));
        }
    }

    /** Has one permit a day, which the first visit takes. */
    public static class UsedUp extends Limited {

        public UsedUp() {
            super("1/day");
        }
    }

    public static class Timeless extends Limited {

        public Timeless() {
            super("100/min burst 1000000000", () -> 1_800_000_000_000_000L);
        }
    }

    public static class Sliding extends Limited {

        public Sliding() {
            super("1000000000/min sliding");
        }
    }

    public static class Fixed extends Limited {

        public Fixed() {
            super("1000000000/day fixed");
        }
    }

    public static class TwoLimits extends Limited {

        public TwoLimits() {
            super("100/min burst 1000000000; 1000000000/day fixed");
        }
    }

    /** A policy and the limiter that is asked. */
    @State(Scope.Benchmark)
    public abstract static class Limited extends Limiter {

        private final Policy policy;
        private final MemoryBackend backend;
        private final RateLimiter limiter;

        Limited(String limits) {
            this(limits, MicroClock.system());
        }

        Limited(String limits, MicroClock clock) {
            this(limits, clock, List.of());
        }

        Limited(String limits, MicroClock clock, List<RateLimitListener> listeners) {
            this.policy = Policy.of("benchmark", limits);
            this.backend = new MemoryBackend(clock, 1_000_000);
            this.limiter = new RateLimiter(backend, listeners);
        }

        RateLimiter limiter() {
            return limiter;
        }

        @Override
        void visit(String key) {
            limiter.acquire(policy, key);
        }

        Decision acquire(String key) {
            return limiter.acquire(policy, key);
        }

        CompletionStage<Decision> acquireAsync(String key) {
            return limiter.acquireAsync(policy, key, 1);
        }

        @Override
        public void check(Keys keys) {
            if (backend.liveKeys() != keys.keys || backend.sharedDecisions() > 0) {
                throw new IllegalStateException(backend.liveKeys() + " keys were live, not " + keys.keys + ".");
            }
        }
    }
}
