package io.github.micronautratelimit.benchmarks.redis;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Guard;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.PermitLeases;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
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
    private final RedisBackend backend;
    private final String name;
    private final String generous;
    private final String scarce;
    private final long maxLease;
    private RateLimitBackend front;
    private RateLimiter limiter;
    private Policy policy;

    /** On a connection with the options that an application's has: every command has a timeout. */
    private Ours(ClientResources resources, String uri, String name, String generous, String scarce, long maxLease) {
        this.name = name;
        this.generous = generous;
        this.scarce = scarce;
        this.maxLease = maxLease;
        this.policy = policy(Outcome.ALLOWED);
        this.client = RedisClient.create(resources, uri);
        client.setOptions(ClientOptions.builder()
                .disconnectedBehavior(ClientOptions.DisconnectedBehavior.REJECT_COMMANDS)
                .timeoutOptions(TimeoutOptions.enabled(Duration.ofSeconds(10))).build());
        this.backend = new RedisBackend(client.connect(ByteArrayCodec.INSTANCE), "ours");
        this.front = backend;
        this.limiter = new RateLimiter(backend, List.of());
    }

    /** As in an application, in front of a guard; its deadline is one that a busy machine keeps. */
    private static PermitLeases leased(RedisBackend backend) {
        MicroClock clock = MicroClock.system();
        return new PermitLeases(new Guard(backend, "redis", Duration.ofSeconds(10), 1, clock, List.of()), clock);
    }

    static Ours bucket(ClientResources resources, String uri) {
        return new Ours(resources, uri, "ours", "100/min burst 1000000000", "1/day", 0);
    }

    static Ours sliding(ClientResources resources, String uri) {
        return new Ours(resources, uri, "ours, sliding", "1000000000/min sliding", "1/day sliding", 0);
    }

    static Ours fixed(ClientResources resources, String uri) {
        return new Ours(resources, uri, "ours, fixed", "1000000000/min fixed", "1/day fixed", 0);
    }

    static Ours leased(ClientResources resources, String uri) {
        return new Ours(resources, uri, "ours, leased", "100/min burst 1000000000", "1/day", 1000);
    }

    boolean isLeased() {
        return maxLease > 0;
    }

    private Policy policy(Outcome outcome) {
        // A name for each: when the server is emptied, what is held of one must not be given back to the other.
        return Policy.of("benchmark-" + outcome, outcome == Outcome.ALLOWED ? generous : scarce).withMaxLease(maxLease);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public void limit(Outcome outcome, List<String> keys) {
        policy = policy(outcome);
        if (isLeased()) {
            front = leased(backend);
            limiter = new RateLimiter(front, List.of());
        }
    }

    @Override
    public void rest() {
        front.close();
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
