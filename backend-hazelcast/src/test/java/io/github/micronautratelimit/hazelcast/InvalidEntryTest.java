package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.hazelcast.core.HazelcastInstance;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.limit.StateCodec;
import java.time.Duration;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tests entries that are not valid states: a permanent failure of their key and not an outage. */
@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class InvalidEntryTest {

    private static final Policy POLICY =
            Policy.of("p", Policy.of("p", "10/day fixed").rateLimits()).withOnError(OnError.CLOSED);
    private static final int CALLS = 20;

    private static Cluster cluster;
    private static HazelcastInstance member;
    private static HazelcastInstance client;

    @BeforeAll
    static void start() {
        cluster = new Cluster(1);
        member = cluster.member();
        client = cluster.client();
    }

    @AfterAll
    static void close() {
        cluster.close();
    }

    private static Object entry(String kind) {
        byte[] newer = StateCodec.write(LimitState.carryOver(POLICY.rateLimits(), null, 0));
        newer[0]++;
        return kind.equals("newer") ? newer : "a text";
    }

    @ParameterizedTest
    @CsvSource({"member, text", "member, newer", "client, text", "client, newer"})
    void invalidEntryIsAPermanentFailureAndLeavesTheBreakerClosed(String from, String kind) {
        String namespace = "invalid-" + from + "-" + kind;
        HazelcastInstance instance = from.equals("client") ? client : member;
        try (HazelcastBackend backend = new HazelcastBackend(instance, namespace)) {
            assertEquals(
                    9,
                    backend.acquire(POLICY, "valid", 1)
                            .toCompletableFuture()
                            .join()
                            .remaining());
            member.<String, Object>getMap("ratelimit:" + namespace).put("p:" + KeyHash.brief("invalid"), entry(kind));
            assertInstanceOf(
                    NonRetryableStoreException.class,
                    assertThrows(CompletionException.class, () -> backend.acquire(POLICY, "invalid", 1)
                                    .toCompletableFuture()
                                    .join())
                            .getCause());
            RateLimiter limiter = RateLimiter.builder(backend)
                    .deadline(Duration.ofSeconds(60))
                    .build();
            for (int i = 0; i < CALLS; i++) {
                assertEquals(
                        Decision.Source.FALLBACK,
                        limiter.tryAcquire(POLICY, "invalid").source());
            }
            LimiterStats.Store store = limiter.stats().store();
            assertEquals(CALLS, store.permanentFailures());
            assertEquals(0, store.failures());
            assertEquals("CLOSED", store.breaker());
            assertEquals(8, limiter.tryAcquire(POLICY, "valid").remaining());
            limiter.reset(POLICY, "invalid");
            assertEquals(9, limiter.tryAcquire(POLICY, "invalid").remaining());
        }
    }
}
