package io.github.micronautratelimit.benchmarks;

import io.github.bucket4j.Bucket;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/**
 * The cost of a call that may wait, when its permit is free: this library and limiters that wait, with one key each.
 * The peers have one limiter per service, without a look-up by key.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class Waiting {

    private static final long MANY = 1_000_000_000;
    private static final Duration WAIT = Duration.ofSeconds(5);
    private static final String KEY = "partner";

    private final Policy policy = Policy.of("outgoing", "100/min burst " + MANY);
    private final RateLimiter ours =
            RateLimiter.builder(new MemoryBackend(MicroClock.system(), 1_000)).build();

    @SuppressWarnings("UnstableApiUsage")
    private final com.google.common.util.concurrent.RateLimiter guava =
            com.google.common.util.concurrent.RateLimiter.create(MANY);

    private final dev.failsafe.RateLimiter<Object> failsafe =
            dev.failsafe.RateLimiter.burstyBuilder(MANY, Duration.ofMinutes(1)).build();
    private final Bucket bucket4j = Bucket.builder()
            .addLimit(limit -> limit.capacity(MANY).refillGreedy(100, Duration.ofMinutes(1)))
            .build();
    private final io.github.resilience4j.ratelimiter.RateLimiter resilience4j =
            io.github.resilience4j.ratelimiter.RateLimiter.of(
                    KEY,
                    RateLimiterConfig.custom()
                            .limitForPeriod((int) MANY)
                            .limitRefreshPeriod(Duration.ofMinutes(1))
                            .timeoutDuration(WAIT)
                            .build());

    /** Our call that does not wait, for comparison. */
    @Benchmark
    public Decision oursWithoutWait() {
        return ours.tryAcquire(policy, KEY);
    }

    /** Our call that waits up to 5 seconds. */
    @Benchmark
    public Decision ours() {
        return ours.acquire(policy, KEY, 1, WAIT);
    }

    /** Our asynchronous call that does not wait, for comparison. */
    @Benchmark
    public CompletionStage<Decision> oursAsyncWithoutWait() {
        return ours.async().tryAcquire(policy, KEY);
    }

    /** Our asynchronous call that waits up to 5 seconds. */
    @Benchmark
    public CompletionStage<Decision> oursAsync() {
        return ours.async().acquire(policy, KEY, 1, WAIT);
    }

    /** Guava's call. */
    @Benchmark
    @SuppressWarnings("UnstableApiUsage")
    public boolean guava() {
        return guava.tryAcquire(WAIT.toNanos(), TimeUnit.NANOSECONDS);
    }

    /** Failsafe's call. */
    @Benchmark
    public boolean failsafe() throws InterruptedException {
        return failsafe.tryAcquirePermit(WAIT);
    }

    /** Bucket4j's blocking call. */
    @Benchmark
    public boolean bucket4j() throws InterruptedException {
        return bucket4j.asBlocking().tryConsume(1, WAIT);
    }

    /** Resilience4j's call. */
    @Benchmark
    public boolean resilience4j() {
        return resilience4j.acquirePermission();
    }

    /**
     * Runs the benchmark.
     *
     * @param arguments none
     * @throws Exception if a benchmark fails
     */
    public static void main(String[] arguments) throws Exception {
        new Runner(new OptionsBuilder()
                        .include("\\.Waiting\\.")
                        .forks(2)
                        .warmupIterations(3)
                        .warmupTime(TimeValue.seconds(1))
                        .measurementIterations(5)
                        .measurementTime(TimeValue.seconds(1))
                        .addProfiler(GCProfiler.class)
                        .shouldFailOnError(true)
                        .build())
                .run();
    }
}
