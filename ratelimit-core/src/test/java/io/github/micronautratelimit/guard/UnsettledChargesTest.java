package io.github.micronautratelimit.guard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.StoreThrottledException;
import io.github.micronautratelimit.guard.Fallback.Charge;
import io.github.micronautratelimit.internal.Scheduler;
import io.github.micronautratelimit.memory.MemoryBackend;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Charges that the store rejects again and again. Time passes between the attempts. */
class UnsettledChargesTest {

    private static final long SECOND = 1_000_000;
    private static final String KEY = "key";

    private long micros = 1_700_000_000_300_123L;
    private final MemoryBackend store = new MemoryBackend(() -> micros, 1_000);
    private final UnsettledCharges unsettled = new UnsettledCharges(() -> micros, Scheduler.SYSTEM);
    private final Fallback fallback = new Fallback(() -> micros, 1, unsettled);

    private boolean charge(RateLimitBackend charged) throws InterruptedException {
        return unsettled.charge(
                charged, (policy, key) -> true, 60_000 * SECOND, 60_000 * SECOND, (request, failure) -> {});
    }

    private void rejectAttempts(int attempts) throws InterruptedException {
        RateLimitBackend throttling = new ForwardingBackend(store) {
            @Override
            public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
                return CompletableFuture.failedFuture(
                        new StoreThrottledException(new IllegalStateException("too many calls")));
            }
        };
        for (int i = 0; i < attempts; i++) {
            micros += SECOND / 2;
            assertFalse(charge(throttling));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"100/day", "100/day fixed", "100/day sliding", "100/day; 1000/day fixed"})
    void rejectedAttemptsLoseNoPermit(String limits) throws InterruptedException {
        Policy policy = Policy.of("p", limits);
        assertTrue(fallback.acquire(policy, KEY, 20, Charge.LATER).allowed());
        rejectAttempts(40);
        assertTrue(charge(store));
        // A fraction of a permit of a bucket has come back.
        assertEquals(80, store.peek(policy, KEY, 0).join().remaining(), 1);
        micros += SECOND;
        assertTrue(charge(store));
        assertEquals(80, store.peek(policy, KEY, 0).join().remaining(), 1, "charged once");
    }

    @Test
    void permitsGrantedBetweenRejectedAttemptsAreAdded() throws InterruptedException {
        Policy policy = Policy.of("p", "100/day");
        for (int i = 0; i < 10; i++) {
            assertTrue(fallback.acquire(policy, KEY, 2, Charge.LATER).allowed());
            rejectAttempts(4);
        }
        assertTrue(charge(store));
        assertEquals(80, store.peek(policy, KEY, 0).join().remaining(), 1);
    }

    /** Permits come back while they are unsettled as fast as in the store, whether attempts are rejected or not. */
    @ParameterizedTest
    @ValueSource(ints = {0, 5, 50})
    void rejectedAttemptsDoNotChangeTheRefill(int attempts) throws InterruptedException {
        Policy policy = Policy.of("p", "60/min");
        assertTrue(fallback.acquire(policy, KEY, 60, Charge.LATER).allowed());
        rejectAttempts(attempts);
        micros += 30 * SECOND - attempts * SECOND / 2;
        assertTrue(charge(store));
        assertEquals(30, store.peek(policy, KEY, 0).join().remaining(), 1);
    }
}
