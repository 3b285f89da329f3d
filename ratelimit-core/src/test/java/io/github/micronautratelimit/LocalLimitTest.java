package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

import org.junit.jupiter.api.Test;

import io.github.micronautratelimit.memory.MemoryBackend;

class LocalLimitTest {

    private final AtomicLong micros = new AtomicLong(1_000_000_000_000_000L);
    private final MemoryBackend store = new MemoryBackend(micros::get, 1_000);
    private final LocalLimit local = new LocalLimit(store, micros::get);
    private final Policy policy =
            new Policy("p", Limit.parseAll("100/day"), OnError.LOCAL, null, Limit.parseAll("3/s"));

    private Decision acquire(Policy under, long permits) {
        return local.acquire(under, "key", permits).toCompletableFuture().join();
    }

    private long spent() {
        return 100 - store.peek(policy, "key", 0).join().remaining();
    }

    @Test
    void whatComesOftenerDoesNotReachTheStore() {
        for (int i = 0; i < 3; i++) {
            assertEquals(Decision.Source.STORE, acquire(policy, 5).source());
        }
        assertEquals(new Decision.Denied(0, 333_334, 1_000_000, policy.localLimits(), Decision.Source.LOCAL_LIMIT),
                acquire(policy, 5));
        assertEquals(15, spent());
        micros.addAndGet(333_334);
        assertTrue(acquire(policy, 5).allowed());
        assertEquals(20, spent());
    }

    @Test
    void aPolicyWithoutIsNotHeldUp() {
        Policy without = Policy.of("p", "100/day");
        for (int i = 0; i < 10; i++) {
            assertTrue(acquire(without, 1).allowed());
        }
        assertEquals(10, spent());
    }

    @Test
    void ofSeveralPoliciesOneThatComesTooOftenSettlesIt() {
        Ask other = new Ask(Policy.of("other", "5/day"), "key", 1);
        List<Ask> asks = List.of(other, new Ask(policy, "key", 1));
        for (int i = 0; i < 3; i++) {
            assertTrue(local.acquireAll(asks).toCompletableFuture().join().stream().allMatch(Decision::allowed));
        }
        List<Decision> denied = local.acquireAll(asks).toCompletableFuture().join();
        assertEquals(new Decision.Allowed(0, 0, Decision.Source.LOCAL_LIMIT), denied.get(0));
        assertEquals(policy.localLimits(), denied.get(1).deniedBy());
        assertEquals(3, spent());
        assertEquals(2, store.peek(other.policy(), "key", 0).join().remaining());
    }

    @Test
    void aBlockIsTheStoresToAnswer() {
        local.block(policy, "key", 5_000_000).toCompletableFuture().join();
        for (int i = 0; i < 3; i++) {
            assertEquals(new Decision.Denied(0, 5_000_000, 5_000_000, policy.limits(), Decision.Source.STORE),
                    acquire(policy, 5));
        }
        assertEquals(Decision.Source.LOCAL_LIMIT, acquire(policy, 5).source());
    }

    @Test
    void aResetForgetsHowOftenAKeyCame() {
        for (int i = 0; i < 3; i++) {
            acquire(policy, 1);
        }
        local.reset(policy, "key").toCompletableFuture().join();
        assertTrue(acquire(policy, 1).allowed());
        assertEquals(1, spent());
    }
}
