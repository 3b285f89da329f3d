package io.github.micronautratelimit.benchmarks;

import java.util.List;
import java.util.concurrent.CompletionStage;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
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

    /**
     * Owes a permit for over half a second, and so is live when the next visit comes, and has room for all that a run
     * can take.
     */
    public static class Bucket extends Limited {

        public Bucket() {
            super("100/min burst 1000000000");
        }
    }

    /** Has one permit a day, which the first visit takes. */
    public static class UsedUp extends Limited {

        public UsedUp() {
            super("1/day");
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

        private final MemoryBackend backend = new MemoryBackend(MicroClock.system(), 1_000_000);
        private final RateLimiter limiter = new RateLimiter(backend, List.of());
        private final Policy policy;

        Limited(String limits) {
            this.policy = Policy.of("benchmark", limits);
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
