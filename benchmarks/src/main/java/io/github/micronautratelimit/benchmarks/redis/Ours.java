package io.github.micronautratelimit.benchmarks.redis;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.redis.RedisBackend;
import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisClient;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.resource.ClientResources;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;

/** This library: the full decision, one connection. */
final class Ours implements Contender {

    private final RedisClient client;
    private final RedisBackend backend;
    private final String name;
    private final String generous;
    private final String scarce;
    private final long maxPrefetch;
    private RateLimiter limiter;
    private Policy policy;

    /** Connects with the client options of an application: every command has a timeout. */
    private Ours(ClientResources resources, String uri, String name, String generous, String scarce, long maxPrefetch) {
        this.name = name;
        this.generous = generous;
        this.scarce = scarce;
        this.maxPrefetch = maxPrefetch;
        this.policy = policy(Outcome.ALLOWED);
        this.client = RedisClient.create(resources, uri);
        client.setOptions(ClientOptions.builder()
                .disconnectedBehavior(ClientOptions.DisconnectedBehavior.REJECT_COMMANDS)
                .timeoutOptions(TimeoutOptions.enabled(Duration.ofSeconds(10)))
                .build());
        this.backend = new RedisBackend(client.connect(ByteArrayCodec.INSTANCE), "ours");
        this.limiter = limiter();
    }

    /**
     * Without prefetching, the backend is measured alone. With it, the limiter has all layers of an application except
     * the deny cache. The deadline is long enough for a busy machine.
     */
    private RateLimiter limiter() {
        return prefetches()
                ? RateLimiter.builder(backend)
                        .name("redis")
                        .deadline(Duration.ofSeconds(10))
                        .denyCache(Duration.ZERO)
                        .build()
                : RateLimiter.builder(backend).unguarded().build();
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

    static Ours prefetch(ClientResources resources, String uri) {
        return new Ours(resources, uri, "ours, prefetch", "100/min burst 1000000000", "1/day", 1000);
    }

    boolean prefetches() {
        return maxPrefetch > 0;
    }

    /** Each outcome has a policy name, because permits prefetched for one must not be refunded to the other. */
    private Policy policy(Outcome outcome) {
        return Policy.of("benchmark-" + outcome, outcome == Outcome.ALLOWED ? generous : scarce)
                .withMaxPrefetch(maxPrefetch);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public void limit(Outcome outcome, List<String> keys) {
        policy = policy(outcome);
        if (prefetches()) {
            limiter = limiter();
        }
    }

    @Override
    public void rest() {
        limiter.close();
    }

    @Override
    public CompletionStage<Boolean> acquire(String key) {
        return limiter.async().tryAcquire(policy, key).thenApply(Decision::allowed);
    }

    @Override
    public void close() {
        client.shutdown();
    }
}
