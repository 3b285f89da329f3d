package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.memory.MemoryBackend;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Test;

/** No layer in front of the store keeps what an earlier generation of a policy has counted. */
class PolicyGenerationTest {

    private static final Policy FIRST = Policy.of("orders", "3/h fixed");
    private static final Policy SECOND = FIRST.withGeneration(1_795_305_600);

    private final MemoryBackend store = new MemoryBackend(() -> 1_000_000, 1_000);
    private boolean away;

    private final RateLimiter limiter = RateLimiter.builder(new ForwardingBackend(store) {

                @Override
                public boolean isLocal() {
                    return false;
                }

                @Override
                public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
                    return away
                            ? CompletableFuture.failedFuture(new IllegalStateException("Connection refused"))
                            : super.acquire(policy, key, permits);
                }

                @Override
                public Decision acquireBlocking(Policy policy, String key, long permits) {
                    if (away) {
                        throw new RateLimitBackendException(new IllegalStateException("Connection refused"));
                    }
                    return super.acquireBlocking(policy, key, permits);
                }
            })
            .clock(() -> 1_000_000)
            .build();

    private long drain(Policy policy) {
        long granted = 0;
        while (granted < 20 && limiter.tryAcquire(policy, "key").allowed()) {
            granted++;
        }
        return granted;
    }

    @Test
    void nameStaysAndTheStateHasAnother() {
        assertEquals("orders", SECOND.name());
        assertEquals("orders", FIRST.stateName());
        assertEquals("orders 1795305600", SECOND.stateName());
        assertEquals(0, FIRST.generation());
        assertNotEquals(FIRST, SECOND);
        assertEquals(FIRST, SECOND.withGeneration(0));
        assertSame(SECOND, SECOND.withGeneration(1_795_305_600));
        assertEquals(
                "orders 1795305600", SECOND.withLimits(Limit.parseAll("5/h")).stateName());
        assertEquals("orders:shadow 1795305600", SECOND.asShadow().stateName());
        assertEquals("orders", SECOND.asShadow().writtenName());
        Policy candidate = SECOND.withCandidate(Limit.parseAll("1/h")).candidate();
        assertEquals("orders:candidate 1795305600", candidate.stateName());
        assertThrows(IllegalArgumentException.class, () -> FIRST.withGeneration(-1));
    }

    @Test
    void cachedDenialIsOfOneGeneration() {
        assertEquals(3, drain(FIRST));
        assertEquals(
                Decision.Source.DENY_CACHE, limiter.tryAcquire(FIRST, "key").source());
        assertEquals(3, drain(SECOND));
    }

    @Test
    void prefetchedPermitsAreOfOneGeneration() {
        Policy first = FIRST.withLimits(Limit.parseAll("10/h fixed")).withMaxPrefetch(10);
        assertEquals(10, drain(first));
        assertEquals(10, drain(first.withGeneration(2)));
        assertEquals(0, drain(first));
    }

    @Test
    void localLimitsCountAnew() {
        Policy first = Policy.of("orders", "10/h fixed").withLocalLimits(Limit.parseAll("2/h fixed"));
        assertEquals(2, drain(first));
        assertEquals(2, drain(first.withGeneration(2)));
    }

    @Test
    void permitsOfAnOutageAreOfOneGeneration() {
        away = true;
        assertEquals(3, drain(FIRST));
        assertEquals(3, drain(SECOND));
    }

    @Test
    void denialsOfPenaltiesAreOfOneGeneration() {
        Policy first = Policy.of("orders", "3/min").withBlock("10min after 2 denials in 1h");
        Policy second = first.withGeneration(2);
        try (RateLimiter direct =
                RateLimiter.builder(store).clock(() -> 1_000_000).build()) {
            assertEquals(Duration.ofMinutes(10), retryAfterDenials(direct, first, 2));
            assertEquals(Duration.ofSeconds(20), retryAfterDenials(direct, second, 1));
            assertEquals(Duration.ofMinutes(10), retryAfterDenials(direct, second, 1));
        }
    }

    private static Duration retryAfterDenials(RateLimiter limiter, Policy policy, int denials) {
        while (limiter.tryAcquire(policy, "key").allowed()) {
            // Takes what is left. The last request is the first denial.
        }
        for (int i = 1; i < denials; i++) {
            assertFalse(limiter.tryAcquire(policy, "key").allowed());
        }
        return limiter.peek(policy, "key", 1).retryAfter().orElseThrow();
    }

    @Test
    void textOfAnotherPolicyIsRejected() {
        AsyncRateLimiter async = limiter.async();
        Decision decision = limiter.tryAcquire(SECOND, "key");
        String text = async.charge(new PermitRequest(SECOND, "key", 1), decision)
                .orElseThrow()
                .toString();
        assertTrue(text.endsWith(".orders 1795305600"), text);
        assertEquals(text, async.readCharge(FIRST, "key", text).toString());
        for (String wrong : new String[] {"", " ", " 0", " 07", " x", " 9999999999999999999", "2 1"}) {
            String changed = text.replace(" 1795305600", wrong);
            if (wrong.isEmpty()) {
                assertEquals(changed, async.readCharge(SECOND, "key", changed).toString());
            } else {
                assertThrows(IllegalArgumentException.class, () -> async.readCharge(SECOND, "key", changed), wrong);
            }
        }
        assertFalse(text.contains("key"));
    }
}
