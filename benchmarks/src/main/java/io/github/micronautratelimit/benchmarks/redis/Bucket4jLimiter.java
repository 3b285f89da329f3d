package io.github.micronautratelimit.benchmarks.redis;

import io.github.bucket4j.BucketConfiguration;
import io.github.bucket4j.ConsumptionProbe;
import io.github.bucket4j.distributed.AsyncBucketProxy;
import io.github.bucket4j.distributed.ExpirationAfterWriteStrategy;
import io.github.bucket4j.distributed.proxy.AsyncProxyManager;
import io.github.bucket4j.distributed.proxy.optimization.Optimizations;
import io.github.bucket4j.redis.lettuce.Bucket4jLettuce;
import io.lettuce.core.RedisClient;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.codec.RedisCodec;
import io.lettuce.core.codec.StringCodec;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Bucket4j's asynchronous proxies on one connection, with the full probe. Keys expire after their refill time, as its
 * manual recommends. A plain proxy is created for each call, as in its documentation. Proxies that batch calls for a
 * key are kept, because otherwise they have no effect.
 */
final class Bucket4jLimiter implements Contender {

    private final StatefulRedisConnection<String, byte[]> connection;
    private final AsyncProxyManager<String> proxies;
    private final boolean batching;
    private final Map<String, AsyncBucketProxy> kept = new ConcurrentHashMap<>();
    private CompletableFuture<BucketConfiguration> configuration = configuration(Outcome.ALLOWED);

    Bucket4jLimiter(RedisClient client, boolean batching) {
        this.connection = client.connect(RedisCodec.of(StringCodec.UTF8, ByteArrayCodec.INSTANCE));
        this.proxies = Bucket4jLettuce.casBasedBuilder(connection)
                .expirationAfterWrite(
                        ExpirationAfterWriteStrategy.basedOnTimeForRefillingBucketUpToMax(Duration.ofSeconds(10)))
                .build()
                .asAsync();
        this.batching = batching;
    }

    private static CompletableFuture<BucketConfiguration> configuration(Outcome outcome) {
        return CompletableFuture.completedFuture(BucketConfiguration.builder()
                .addLimit(limit -> outcome == Outcome.ALLOWED
                        ? limit.capacity(1_000_000_000).refillGreedy(100, Duration.ofMinutes(1))
                        : limit.capacity(1).refillGreedy(1, Duration.ofDays(1)))
                .build());
    }

    @Override
    public String name() {
        return batching ? "Bucket4j batching" : "Bucket4j";
    }

    @Override
    public void limit(Outcome outcome, List<String> keys) {
        configuration = configuration(outcome);
        kept.clear();
    }

    @Override
    public CompletionStage<Boolean> acquire(String key) {
        return proxy(key).tryConsumeAndReturnRemaining(1).thenApply(ConsumptionProbe::isConsumed);
    }

    private AsyncBucketProxy proxy(String key) {
        return batching
                ? kept.computeIfAbsent(key, each -> proxies.builder()
                        .withOptimization(Optimizations.batching())
                        .build(each, () -> configuration))
                : proxies.builder().build(key, () -> configuration);
    }

    /** Each attempt is a GET and, for a write, a script that calls GET. So there are as many GETs as commands. */
    @Override
    public CommandStats.Total sent(CommandStats stats) {
        CommandStats.Total scripts = stats.total("eval");
        CommandStats.Total gets = stats.total("get");
        return new CommandStats.Total(
                gets.calls(),
                scripts.micros() + gets.micros() * (gets.calls() - scripts.calls()) / Math.max(1, gets.calls()));
    }

    @Override
    public void close() {
        connection.close();
    }
}
