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

/** This library: the full decision, one connection. */
final class Ours implements Contender {

    private final RedisClient client;
    private final RateLimiter limiter;
    private final String name;
    private final String generous;
    private final String scarce;
    private Policy policy;

    /** On a connection with the options that an application's has: every command has a timeout. */
    private Ours(ClientResources resources, String uri, String name, String generous, String scarce) {
        this.name = name;
        this.generous = generous;
        this.scarce = scarce;
        this.policy = policy(Outcome.ALLOWED);
        this.client = RedisClient.create(resources, uri);
        client.setOptions(ClientOptions.builder()
                .disconnectedBehavior(ClientOptions.DisconnectedBehavior.REJECT_COMMANDS)
                .timeoutOptions(TimeoutOptions.enabled(Duration.ofSeconds(10))).build());
        this.limiter = new RateLimiter(new RedisBackend(client.connect(ByteArrayCodec.INSTANCE), "ours"), List.of());
    }

    static Ours bucket(ClientResources resources, String uri) {
        return new Ours(resources, uri, "ours", "100/min burst 1000000000", "1/day");
    }

    static Ours sliding(ClientResources resources, String uri) {
        return new Ours(resources, uri, "ours, sliding", "1000000000/min sliding", "1/day sliding");
    }

    static Ours fixed(ClientResources resources, String uri) {
        return new Ours(resources, uri, "ours, fixed", "1000000000/min fixed", "1/day fixed");
    }

    private Policy policy(Outcome outcome) {
        return Policy.of("benchmark", outcome == Outcome.ALLOWED ? generous : scarce);
    }

    @Override
    public String name() {
        return name;
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
