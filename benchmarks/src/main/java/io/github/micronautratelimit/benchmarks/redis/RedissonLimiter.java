package io.github.micronautratelimit.benchmarks.redis;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import org.redisson.Redisson;
import org.redisson.api.RRateLimiter;
import org.redisson.api.RateType;
import org.redisson.api.RedissonClient;
import org.redisson.config.Config;

/** Redisson's rate limiter, which keeps a log of all permits of the last interval and returns a boolean. */
final class RedissonLimiter implements Contender {

    /**
     * Short enough that permits leave the log of a key as fast as they enter it. With a longer interval, a measurement
     * would end before the first permit is removed.
     */
    private static final Duration GENEROUS_INTERVAL = Duration.ofMillis(250);

    /**
     * With few connections, Redisson sends several commands at a time on each. With its default of up to 64, it sends
     * one command at a time on each and makes half as many decisions.
     */
    private static final int CONNECTIONS = 8;

    private final RedissonClient client;
    private final Map<String, RRateLimiter> limiters = new ConcurrentHashMap<>();

    RedissonLimiter(String uri) {
        Config config = new Config();
        config.useSingleServer()
                .setAddress(uri)
                .setConnectionPoolSize(CONNECTIONS)
                .setConnectionMinimumIdleSize(CONNECTIONS);
        this.client = Redisson.create(config);
    }

    @Override
    public String name() {
        return "Redisson";
    }

    @Override
    public void limit(Outcome outcome, List<String> keys) {
        CompletableFuture<?>[] set = keys.stream()
                .map(key -> {
                    RRateLimiter limiter = limiters.computeIfAbsent(key, client::getRateLimiter);
                    return (outcome == Outcome.ALLOWED
                                    ? limiter.trySetRateAsync(RateType.OVERALL, 1_000_000_000, GENEROUS_INTERVAL)
                                    : limiter.trySetRateAsync(RateType.OVERALL, 1, Duration.ofDays(1)))
                            .toCompletableFuture();
                })
                .toArray(CompletableFuture<?>[]::new);
        CompletableFuture.allOf(set).join();
    }

    @Override
    public CompletionStage<Boolean> acquire(String key) {
        return limiters.computeIfAbsent(key, client::getRateLimiter).tryAcquireAsync();
    }

    @Override
    public void close() {
        client.shutdown();
    }
}
