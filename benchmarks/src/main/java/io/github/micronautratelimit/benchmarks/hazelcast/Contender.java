package io.github.micronautratelimit.benchmarks.hazelcast;

import com.hazelcast.core.HazelcastInstance;
import io.github.bucket4j.BucketConfiguration;
import io.github.bucket4j.ConsumptionProbe;
import io.github.bucket4j.distributed.proxy.AsyncProxyManager;
import io.github.bucket4j.grid.hazelcast.Bucket4jHazelcast;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.hazelcast.HazelcastBackend;
import io.github.micronautratelimit.hotkey.Coalescer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** A limiter of keys in Hazelcast. Its limits are so generous that every request is granted. */
interface Contender {

    /** Acquires a permit and returns whether it was granted. */
    CompletionStage<Boolean> take(String key);

    /** Coalesces the callers of a key, as in an application, but without the deadline of the guard. */
    static Contender ours(HazelcastInstance hazelcast) {
        return of(new Coalescer(new HazelcastBackend(hazelcast, "ours"), Duration.ofMinutes(1)));
    }

    /** Sends each request as a separate call. */
    static Contender oursUncoalesced(HazelcastInstance hazelcast) {
        return of(new HazelcastBackend(hazelcast, "ours-uncoalesced"));
    }

    private static Contender of(RateLimitBackend backend) {
        Policy policy = Policy.of("benchmark", "100/min burst 1000000000");
        return key -> backend.acquire(policy, key, 1).thenApply(Decision::allowed);
    }

    /** Calls Bucket4j's entry processor asynchronously. The instance configures the serializers. */
    static Contender bucket4j(HazelcastInstance hazelcast) {
        AsyncProxyManager<String> buckets = Bucket4jHazelcast.entryProcessorBasedBuilder(
                        hazelcast.<String, byte[]>getMap("bucket4j"))
                .build()
                .asAsync();
        BucketConfiguration configuration = BucketConfiguration.builder()
                .addLimit(limit -> limit.capacity(1_000_000_000).refillGreedy(100, Duration.ofMinutes(1)))
                .build();
        return key -> buckets.builder()
                .build(key, () -> CompletableFuture.completedFuture(configuration))
                .tryConsumeAndReturnRemaining(1)
                .thenApply(ConsumptionProbe::isConsumed);
    }
}
