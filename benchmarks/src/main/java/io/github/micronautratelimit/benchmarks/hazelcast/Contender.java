package io.github.micronautratelimit.benchmarks.hazelcast;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

import com.hazelcast.core.HazelcastInstance;

import io.github.bucket4j.BucketConfiguration;
import io.github.bucket4j.distributed.proxy.AsyncProxyManager;
import io.github.bucket4j.grid.hazelcast.Bucket4jHazelcast;
import io.github.micronautratelimit.Coalescer;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.hazelcast.HazelcastBackend;

/** One that limits keys in Hazelcast, by limits so generous that all is granted. */
interface Contender {

    /** Takes a permit and says whether it was granted. */
    CompletionStage<Boolean> take(String key);

    /** As the factory makes it, but without the deadline of the guard. */
    static Contender ours(HazelcastInstance hazelcast) {
        return of(new Coalescer(new HazelcastBackend(hazelcast, "ours"), Duration.ofMinutes(1)));
    }

    /** Every request a call of its own. */
    static Contender oursAlone(HazelcastInstance hazelcast) {
        return of(new HazelcastBackend(hazelcast, "ours-alone"));
    }

    private static Contender of(RateLimitBackend backend) {
        Policy policy = Policy.of("benchmark", "100/min burst 1000000000");
        return key -> backend.acquire(policy, key, 1).thenApply(decision -> decision.allowed());
    }

    /** Its entry processor, asynchronously; whether with serializers of its own is the instance's configuration. */
    static Contender bucket4j(HazelcastInstance hazelcast) {
        AsyncProxyManager<String> buckets = Bucket4jHazelcast
                .entryProcessorBasedBuilder(hazelcast.<String, byte[]>getMap("bucket4j")).build().asAsync();
        BucketConfiguration configuration = BucketConfiguration.builder()
                .addLimit(limit -> limit.capacity(1_000_000_000).refillGreedy(100, Duration.ofMinutes(1))).build();
        return key -> buckets.builder().build(key, () -> CompletableFuture.completedFuture(configuration))
                .tryConsumeAndReturnRemaining(1).thenApply(probe -> probe.isConsumed());
    }
}
