package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionException;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import com.hazelcast.core.HazelcastInstance;

import io.github.micronautratelimit.Coalescer;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Guard;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitDefectException;
import io.github.micronautratelimit.Wire;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;

/** Entries that cannot be decided on are faults of the set-up and no outage. */
@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class DefectTest {

    private static final Policy POLICY = new Policy("p", Policy.of("p", "10/day fixed").limits(), OnError.CLOSED);
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
        byte[] newer = Wire.write(POLICY.stateAt(null, 0));
        newer[0]++;
        return kind.equals("newer") ? newer : "a text";
    }

    @ParameterizedTest
    @CsvSource({"member, text", "member, newer", "client, text", "client, newer"})
    void anEntryThatIsNoStateIsADefectAndLeavesTheBreakerClosed(String from, String kind) {
        String namespace = "defect-" + from + "-" + kind;
        HazelcastInstance instance = from.equals("client") ? client : member;
        try (HazelcastBackend backend = new HazelcastBackend(instance, namespace)) {
            assertEquals(9, backend.acquire(POLICY, "sound", 1).toCompletableFuture().join().remaining());
            member.<String, Object>getMap("ratelimit:" + namespace)
                    .put("p:" + KeyHash.brief("odd"), entry(kind));
            assertInstanceOf(RateLimitDefectException.class, assertThrows(CompletionException.class,
                    () -> backend.acquire(POLICY, "odd", 1).toCompletableFuture().join()).getCause());
            Guard guard = new Guard(new Coalescer(backend, Duration.ofSeconds(60)), Duration.ofSeconds(60), List.of());
            for (int i = 0; i < CALLS; i++) {
                assertEquals(Decision.Source.FALLBACK, guard.acquireBlocking(POLICY, "odd", 1).source());
            }
            assertEquals(CALLS, guard.defects());
            assertEquals(0, guard.failures());
            assertEquals(CircuitBreaker.State.CLOSED, guard.breaker().getState());
            assertEquals(8, guard.acquireBlocking(POLICY, "sound", 1).remaining());
            backend.reset(POLICY, "odd").toCompletableFuture().join();
            assertEquals(9, guard.acquireBlocking(POLICY, "odd", 1).remaining());
        }
    }
}
