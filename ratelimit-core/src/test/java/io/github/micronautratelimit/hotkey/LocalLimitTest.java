package io.github.micronautratelimit.hotkey;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.testing.Await;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class LocalLimitTest {

    private final AtomicLong micros = new AtomicLong(1_000_000_000_000_000L);
    private final MemoryBackend store = new MemoryBackend(micros::get, 10_000);
    private final LocalLimit local = new LocalLimit(store, micros::get);
    private final Policy policy = Policy.of("p", Limit.parseAll("100/day")).withLocalLimits(Limit.parseAll("3/s"));

    private Decision acquire(Policy policy, long permits) {
        return Await.result(local.acquire(policy, "key", permits));
    }

    private long spent() {
        return 100 - store.peek(policy, "key", 0).join().remaining();
    }

    @Test
    void requestsBeyondTheLocalLimitDoNotReachTheStore() {
        for (int i = 0; i < 3; i++) {
            assertEquals(Decision.Source.STORE, acquire(policy, 5).source());
        }
        assertEquals(
                new Decision.Denied(0, 333_334, 1_000_000, policy.localLimits(), Decision.Source.LOCAL_LIMIT),
                acquire(policy, 5));
        assertEquals(15, spent());
        micros.addAndGet(333_334);
        assertTrue(acquire(policy, 5).allowed());
        assertEquals(20, spent());
    }

    @Test
    void policyWithoutLocalLimitsAlwaysCallsTheStore() {
        Policy without = Policy.of("p", "100/day");
        for (int i = 0; i < 10; i++) {
            assertTrue(acquire(without, 1).allowed());
        }
        assertEquals(10, spent());
    }

    @Test
    void requestForZeroPermitsIsNotCounted() {
        for (int i = 0; i < 10; i++) {
            assertEquals(Decision.Source.STORE, acquire(policy, 0).source());
        }
        assertTrue(acquire(policy, 1).allowed());
    }

    @Test
    void oneLocalDenialDeniesAllRequestsAndSkipsTheOthers() {
        PermitRequest other = new PermitRequest(Policy.of("other", "5/day"), "key", 1);
        List<PermitRequest> requests = List.of(other, new PermitRequest(policy, "key", 1));
        for (int i = 0; i < 3; i++) {
            assertTrue(Await.result(local.acquireAll(requests)).stream().allMatch(Decision::allowed));
        }
        List<Decision> denied = Await.result(local.acquireAll(requests));
        assertEquals(new Decision.Skipped(Decision.Source.LOCAL_LIMIT), denied.get(0));
        assertEquals(policy.localLimits(), denied.get(1).deniedBy());
        assertEquals(3, spent());
        assertEquals(2, store.peek(other.policy(), "key", 0).join().remaining());
    }

    @Test
    void blockedKeyIsDeniedByTheStore() {
        Await.result(local.block(policy, "key", 5_000_000));
        for (int i = 0; i < 3; i++) {
            assertEquals(
                    new Decision.Denied(0, 5_000_000, 5_000_000, policy.rateLimits(), Decision.Source.STORE),
                    acquire(policy, 5));
        }
        assertEquals(Decision.Source.LOCAL_LIMIT, acquire(policy, 5).source());
    }

    @Test
    void resetFreesTheLocalLimit() {
        for (int i = 0; i < 3; i++) {
            acquire(policy, 1);
        }
        Await.result(local.reset(policy, "key"));
        assertTrue(acquire(policy, 1).allowed());
        assertEquals(1, spent());
    }

    /** A resolver may make a policy per key. */
    @Test
    void cacheOfPoliciesIsBoundedAndEvictionChangesNoDecision() {
        for (int i = 0; i < 3; i++) {
            acquire(policy, 1);
        }
        for (int i = 1; i <= 3 * LocalLimit.MAX_POLICIES; i++) {
            assertTrue(Await.result(local.acquire(
                            Policy.of("p" + i, "100/day").withLocalLimits(policy.localLimits()), "key", 1))
                    .allowed());
        }
        assertTrue(local.policies() <= LocalLimit.MAX_POLICIES, () -> local.policies() + " policies");
        assertTrue(local.policies() > LocalLimit.MAX_POLICIES / 2, () -> local.policies() + " policies");
        assertEquals(Decision.Source.LOCAL_LIMIT, acquire(policy, 1).source());
    }
}
