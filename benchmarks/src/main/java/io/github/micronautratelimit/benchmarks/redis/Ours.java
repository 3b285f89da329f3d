package io.github.micronautratelimit.benchmarks.redis;

import java.util.List;
import java.util.concurrent.CompletionStage;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.redis.RedisBackend;
import io.lettuce.core.RedisClient;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.codec.ByteArrayCodec;

/** This library: a token bucket, the full decision, one connection. */
final class Ours implements Contender {

    private final StatefulRedisConnection<byte[], byte[]> connection;
    private final RateLimiter limiter;
    private Policy policy = policy(Outcome.ALLOWED);

    Ours(RedisClient client) {
        this.connection = client.connect(ByteArrayCodec.INSTANCE);
        this.limiter = new RateLimiter(new RedisBackend(connection, "ours"), List.of());
    }

    private static Policy policy(Outcome outcome) {
        return Policy.of("benchmark", outcome == Outcome.ALLOWED ? "100/min burst 1000000000" : "1/day");
    }

    @Override
    public String name() {
        return "ours";
    }

    @Override
    public void limit(Outcome outcome, List<String> keys) {
        policy = policy(outcome);
    }

    @Override
    public CompletionStage<Boolean> acquire(String key) {
        return limiter.acquireAsync(policy, key, 1).thenApply(Decision::allowed);
    }

    @Override
    public void close() {
        connection.close();
    }
}
