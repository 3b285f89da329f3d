package io.github.micronautratelimit.benchmarks;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.guard.Guard;
import io.github.micronautratelimit.memory.MemoryBackend;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/**
 * The layers between an application and a store, around a memory backend in place of the store: the cost of each layer
 * beyond the store's own time, and the speed of decisions without a store call.
 */
public class Layers {

    /** The memory backend alone. */
    @Benchmark
    public Decision nothing(Bare limiter, Cursor cursor) {
        return limiter.acquire(cursor.next());
    }

    /** A guard around it: deadline, circuit breaker and on-error. */
    @Benchmark
    public Decision guard(Guarded limiter, Cursor cursor) {
        return limiter.acquire(cursor.next());
    }

    /** All layers of an application, granting. */
    @Benchmark
    public Decision all(Granting limiter, Cursor cursor) {
        return limiter.acquire(cursor.next());
    }

    /** The same by the asynchronous verb. */
    @Benchmark
    public CompletionStage<Decision> allAsync(Granting limiter, Cursor cursor) {
        return limiter.acquireAsync(cursor.next());
    }

    /** The same under a policy with prefetched permits. */
    @Benchmark
    public Decision prefetched(Prefetching limiter, Cursor cursor) {
        return limiter.acquire(cursor.next());
    }

    /** The same by the asynchronous verb. */
    @Benchmark
    public CompletionStage<Decision> prefetchedAsync(Prefetching limiter, Cursor cursor) {
        return limiter.acquireAsync(cursor.next());
    }

    /** All layers of an application, with denials that the store has already made. */
    @Benchmark
    public Decision denied(Denying limiter, Cursor cursor) {
        return limiter.acquire(cursor.next());
    }

    /** The same by the asynchronous verb. */
    @Benchmark
    public CompletionStage<Decision> deniedAsync(Denying limiter, Cursor cursor) {
        return limiter.acquireAsync(cursor.next());
    }

    public static class Bare extends Layered {

        public Bare() {
            super(GENEROUS, unlayered(store()), Decision.Source.STORE);
        }
    }

    public static class Guarded extends Layered {

        public Guarded() {
            super(GENEROUS, unlayered(guard(store())), Decision.Source.STORE);
        }
    }

    public static class Granting extends Layered {

        public Granting() {
            super(GENEROUS, allLayers(store()), Decision.Source.STORE);
        }
    }

    public static class Prefetching extends Layered {

        public Prefetching() {
            super(GENEROUS.withMaxPrefetch(1000), allLayers(store()), Decision.Source.PREFETCHED);
        }
    }

    /** Grants one permit a day, which the first visit takes. */
    public static class Denying extends Layered {

        public Denying() {
            super(Policy.of("benchmark", "1/day"), allLayers(store()), Decision.Source.DENY_CACHE);
        }
    }

    /** A limiter with one policy. */
    @State(Scope.Benchmark)
    public abstract static class Layered extends Limiter {

        static final Policy GENEROUS = Policy.of("benchmark", "100/min burst 1000000000");

        private static final MicroClock CLOCK = MicroClock.system();
        private static final Duration DEADLINE = Duration.ofMillis(100);

        private final Policy policy;
        private final Decision.Source source;
        private final RateLimiter limiter;

        Layered(Policy policy, RateLimiter limiter, Decision.Source source) {
            this.policy = policy;
            this.limiter = limiter;
            this.source = source;
        }

        static RateLimitBackend store() {
            return new MemoryBackend(CLOCK, 1_000_000);
        }

        static Guard guard(RateLimitBackend store) {
            return new Guard(store, "memory", DEADLINE, 1, CLOCK, failure -> {});
        }

        static RateLimiter unlayered(RateLimitBackend backend) {
            return RateLimiter.builder(backend).unguarded().build();
        }

        static RateLimiter allLayers(RateLimitBackend store) {
            return RateLimiter.builder(new RemoteStore(store))
                    .name("memory")
                    .deadline(DEADLINE)
                    .build();
        }

        /** Visits the key often enough that its denial is cached or its permits are prefetched. */
        @Override
        void visit(String key) {
            for (int i = 0; i < 12; i++) {
                limiter.tryAcquire(policy, key);
            }
        }

        Decision acquire(String key) {
            return limiter.tryAcquire(policy, key);
        }

        CompletionStage<Decision> acquireAsync(String key) {
            return limiter.async().tryAcquire(policy, key);
        }

        @Override
        public void check(Keys keys) {
            String key = keys.inOrder().get(0);
            visit(key);
            Decision decision = acquire(key);
            if (decision.source() != source) {
                throw new IllegalStateException("The decision came from " + decision.source() + ", not from " + source
                        + ", so the figures are of another path.");
            }
        }
    }

    /** Claims to be remote, because the builder adds no layers to a local backend. */
    private static final class RemoteStore extends ForwardingBackend {

        RemoteStore(RateLimitBackend memory) {
            super(memory);
        }

        @Override
        public boolean isLocal() {
            return false;
        }
    }
}
