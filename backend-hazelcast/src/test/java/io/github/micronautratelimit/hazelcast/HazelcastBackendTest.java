package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.hazelcast.core.HazelcastInstance;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests how a backend is created and closed. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class HazelcastBackendTest {

    private static final Policy POLICY = Policy.of("p", "10/day");

    private final Cluster cluster = new Cluster(1);
    private final HazelcastInstance member = cluster.member();

    @AfterEach
    void close() {
        cluster.close();
    }

    @Test
    void defaultNamespaceIsRatelimit() {
        try (RateLimiter limiter =
                RateLimiter.builder(new HazelcastBackend(member)).build()) {
            assertEquals(9, limiter.acquireOrThrow(POLICY, "key").remaining());
            assertEquals(1, member.getMap("ratelimit:ratelimit").size());
        }
    }

    @Test
    void closeIsIdempotentAndLeavesTheInstanceRunning() {
        HazelcastBackend backend = new HazelcastBackend(member, "given");
        RateLimiter limiter = RateLimiter.builder(backend).build();
        assertEquals(9, limiter.acquireOrThrow(POLICY, "key").remaining());
        limiter.close();
        backend.close();
        assertTrue(member.getLifecycleService().isRunning());
    }

    @Test
    void closeIsIdempotentAndStopsAnOwnInstance() {
        HazelcastBackend backend = new HazelcastBackend(member, "own", null, true);
        backend.close();
        backend.close();
        assertFalse(member.getLifecycleService().isRunning());
    }
}
