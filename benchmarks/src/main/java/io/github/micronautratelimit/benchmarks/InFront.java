package io.github.micronautratelimit.benchmarks;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.DenyCache;
import io.github.micronautratelimit.Guard;
import io.github.micronautratelimit.LocalLimit;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.PermitLeases;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.memory.MemoryBackend;

/**
 * What stands in front of a store, around a memory backend that stands for one: what each part costs beyond the store's own
 * time, and how fast a decision is that does not need the store.
 */
public class InFront {

    /** The memory backend alone. */
    @Benchmark
    public Decision nothing(Bare limiter, Cursor cursor) {
        return limiter.acquire(cursor.next());
    }

    /** A deadline, a breaker and on-error around it. */
    @Benchmark
    public Decision guard(Guarded limiter, Cursor cursor) {
        return limiter.acquire(cursor.next());
    }

    /** All that an application has in front of a store, granting. */
    @Benchmark
    public Decision all(Granting limiter, Cursor cursor) {
        return limiter.acquire(cursor.next());
    }

    /** The same under a policy of the mode leased. */
    @Benchmark
    public Decision leased(Leasing limiter, Cursor cursor) {
        return limiter.acquire(cursor.next());
    }

    /** The same by the asynchronous verb. */
    @Benchmark
    public CompletionStage<Decision> leasedAsync(Leasing limiter, Cursor cursor) {
        return limiter.acquireAsync(cursor.next());
    }

    /** All that an application has in front of a store, denying what the store has denied. */
    @Benchmark
    public Decision denied(Denying limiter, Cursor cursor) {
        return limiter.acquire(cursor.next());
    }

    /** The same by the asynchronous verb. */
    @Benchmark
    public CompletionStage<Decision> deniedAsync(Denying limiter, Cursor cursor) {
        return limiter.acquireAsync(cursor.next());
    }

    public static class Bare extends Asked {

        public Bare() {
            super(GENEROUS, store -> store, Decision.Source.STORE);
        }
    }

    public static class Guarded extends Asked {

        public Guarded() {
            super(GENEROUS, Asked::guarded, Decision.Source.STORE);
        }
    }

    public static class Granting extends Asked {

        public Granting() {
            super(GENEROUS, Asked::behindAll, Decision.Source.STORE);
        }
    }

    public static class Leasing extends Asked {

        public Leasing() {
            super(GENEROUS.withMaxLease(1000), Asked::behindAll, Decision.Source.LEASE);
        }
    }

    /** Has one permit a day, which the first visit takes. */
    public static class Denying extends Asked {

        public Denying() {
            super(Policy.of("benchmark", "1/day"), Asked::behindAll, Decision.Source.DENY_CACHE);
        }
    }

    /** A policy, and the limiter that is asked. */
    @State(Scope.Benchmark)
    public abstract static class Asked extends Limiter {

        static final Policy GENEROUS = Policy.of("benchmark", "100/min burst 1000000000");

        private static final MicroClock CLOCK = MicroClock.system();

        private final Policy policy;
        private final Decision.Source source;
        private final RateLimiter limiter;

        private interface Front {

            RateLimitBackend of(MemoryBackend store);
        }

        Asked(Policy policy, Front front, Decision.Source source) {
            this.policy = policy;
            this.source = source;
            this.limiter = new RateLimiter(front.of(new MemoryBackend(CLOCK, 1_000_000)), List.of());
        }

        private static Guard guarded(MemoryBackend store) {
            return new Guard(store, "memory", Duration.ofMillis(100), 1, CLOCK, List.of());
        }

        private static RateLimitBackend behindAll(MemoryBackend store) {
            return new DenyCache(new LocalLimit(new PermitLeases(guarded(store), CLOCK), CLOCK), CLOCK, Duration.ofSeconds(1));
        }

        /** Often enough that it is known to be denied, or that some is held. */
        @Override
        void visit(String key) {
            for (int i = 0; i < 3; i++) {
                limiter.acquire(policy, key);
            }
        }

        Decision acquire(String key) {
            return limiter.acquire(policy, key);
        }

        CompletionStage<Decision> acquireAsync(String key) {
            return limiter.acquireAsync(policy, key, 1);
        }

        @Override
        public void check(Keys keys) {
            String key = keys.inOrder().get(0);
            visit(key);
            Decision decision = acquire(key);
            if (decision.source() != source) {
                throw new IllegalStateException("Decided by " + decision.source() + ", not " + source + ".");
            }
        }
    }
}
