package io.github.micronautratelimit.benchmarks;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.memory.MemoryBackend;
import java.util.List;
import java.util.concurrent.CompletionStage;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** This library's limiter in memory, under several policies. Returns the full decision. */
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

    /** The same with a listener on the deciding thread. */
    @Benchmark
    public Decision oursHeard(WithListener limiter, Cursor cursor) {
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

    /** One token bucket, granting, with a stopped clock: the cost of a decision without the clock reading. */
    @Benchmark
    public Decision oursInNoTime(StoppedClock limiter, Cursor cursor) {
        return limiter.acquire(cursor.next());
    }

    /** Reads the clock and does nothing else: the difference between {@link #ours} and {@link #oursInNoTime}. */
    @Benchmark
    public long clockAlone(Keys keys) {
        return MicroClock.system().micros();
    }

    /**
     * Refills a permit in more than half a second, so that every key is live at its next visit. The capacity is larger
     * than the number of permits of a run.
     */
    public static class Bucket extends Limited {

        public Bucket() {
            super("100/min burst 1000000000");
        }
    }

    /** Counts its decisions, as for metrics. */
    public static class Counted extends Limited {

        public Counted() {
            super("100/min burst 1000000000", MicroClock.system(), List.of());
            limiter().counts();
        }
    }

    /** Has an inline listener that does nothing. */
    public static class WithListener extends Limited {

        public WithListener() {
            super("100/min burst 1000000000", MicroClock.system(), List.of(new RateLimitListener() {
                @Override
                public boolean isInline() {
                    return true;
                }
            }));
        }
    }

    /** Grants one permit a day, which the first visit takes. */
    public static class UsedUp extends Limited {

        public UsedUp() {
            super("1/day");
        }
    }

    public static class StoppedClock extends Limited {

        public StoppedClock() {
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

    /** A limiter with one policy. */
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
            this.limiter = RateLimiter.builder(backend).listeners(listeners).build();
        }

        RateLimiter limiter() {
            return limiter;
        }

        @Override
        void visit(String key) {
            limiter.tryAcquire(policy, key);
        }

        Decision acquire(String key) {
            return limiter.tryAcquire(policy, key);
        }

        CompletionStage<Decision> acquireAsync(String key) {
            return limiter.async().tryAcquire(policy, key);
        }

        @Override
        public void check(Keys keys) {
            if (backend.liveKeys() != keys.keys || backend.sharedDecisions() > 0) {
                throw new IllegalStateException(
                        "The limiter has " + backend.liveKeys() + " live keys and must have " + keys.keys + ".");
            }
        }
    }
}
