package io.github.micronautratelimit.benchmarks.redis;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.redis.RedisBackend;
import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisClient;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.resource.ClientResources;

/** This library: a token bucket, the full decision, one connection. */
final class Ours implements Contender {

    private final RedisClient client;
    private final RateLimiter limiter;
    private Policy policy = policy(Outcome.ALLOWED);

    /** On a connection with the options that an application's has: every command has a timeout. */
    Ours(ClientResources resources, String uri) {
        this.client = RedisClient.create(resources, uri);
        client.setOptions(ClientOptions.builder()
                .disconnectedBehavior(ClientOptions.DisconnectedBehavior.REJECT_COMMANDS)
                .timeoutOptions(TimeoutOptions.enabled(Duration.ofSeconds(10))).build());
        this.limiter = new RateLimiter(new RedisBackend(client.connect(ByteArrayCodec.INSTANCE), "ours"), List.of());
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
        client.shutdown();
    }
}
