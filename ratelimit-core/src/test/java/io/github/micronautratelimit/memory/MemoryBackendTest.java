package io.github.micronautratelimit.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.LimitState;
import java.lang.ref.WeakReference;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Some cases measure the heap, so they run one after the other. */
@Execution(ExecutionMode.SAME_THREAD)
class MemoryBackendTest {

    private static final int BOUND = 1_000;

    private final AtomicLong clock = new AtomicLong(1_790_000_000_123_456L);
    private final MemoryBackend backend = new MemoryBackend(clock::get, BOUND);

    private long drain(Policy policy, String key) {
        long granted = 0;
        while (backend.acquireBlocking(policy, key, 1).allowed()) {
            granted++;
        }
        return granted;
    }

    private long remaining(Policy policy, String key) {
        return backend.peek(policy, key, 0).join().remaining();
    }

    /** Creates as many live keys as the bound allows. */
    private Policy fill() {
        return fill(BOUND);
    }

    private Policy fill(int keys) {
        Policy filler = Policy.of("filler", "5/day");
        for (int i = 0; i < keys; i++) {
            assertTrue(backend.acquireBlocking(filler, "filler " + i, 1).allowed());
        }
        assertEquals(BOUND, backend.liveKeys());
        assertEquals(0, backend.sharedDecisions());
        return filler;
    }

    @Test
    void boundIsOneKeyOrMore() {
        assertEquals(
                "The bound on live keys is 0; write 1 or more.",
                assertThrows(IllegalArgumentException.class, () -> new MemoryBackend(clock::get, 0))
                        .getMessage());
        assertTrue(MemoryBackend.defaultMaxKeys() >= 10_000);
    }

    /** In some cases all keys stay live and reach the bound; in the others the early keys are blank again. */
    @ParameterizedTest(name = "{0}, {1} us between keys")
    @CsvSource({"100/day, 1", "100/s, 10", "100/h sliding, 1", "100/day fixed; 1/s, 1"})
    void memoryOfTenMillionKeysIsBounded(String limits, long gapMicros) {
        int keys = limits.equals("100/day") ? 10_000_000 : 2_000_000;
        int bound = MemoryBackend.defaultMaxKeys();
        MemoryBackend large = new MemoryBackend(clock::get, bound);
        Policy policy = Policy.of("p", limits);
        long before = usedHeap();
        long most = 0;
        for (int i = 0; i < keys; i++) {
            clock.addAndGet(gapMicros);
            large.acquireBlocking(policy, "client " + i, 1);
            if (i % 1024 == 0) {
                most = Math.max(most, large.liveKeys());
            }
        }
        long live = most;
        assertTrue(live <= bound && large.liveKeys() <= bound, () -> live + " live keys with a bound of " + bound);
        long used = usedHeap() - before;
        assertTrue(used < bound * 1_024L, () -> used + " bytes for at most " + bound + " keys");
        assertTrue(large.liveKeys() > 0, "the backend is reachable");
    }

    private static long usedHeap() {
        WeakReference<Object> collected = new WeakReference<>(new Object());
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (collected.get() != null && System.nanoTime() < end) {
            System.gc();
        }
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    @ParameterizedTest
    @ValueSource(strings = {"100/day", "100/day sliding", "100/day fixed", "100/day; 200/day fixed"})
    void newKeysAtTheBoundEvictNoLiveKey(String limits) {
        Policy policy = Policy.of("victims", limits);
        for (int i = 0; i < 100; i++) {
            assertTrue(backend.acquireBlocking(policy, "victim " + i, 1 + i).allowed());
        }
        Policy noise = Policy.of("noise", "1/day");
        for (int i = 0; i < 300_000; i++) {
            clock.incrementAndGet();
            backend.acquireBlocking(i % 2 == 0 ? noise : policy, "noise " + i, 1);
            assertTrue(backend.liveKeys() <= BOUND);
        }
        for (int i = 0; i < 100; i++) {
            assertEquals(99 - i, remaining(policy, "victim " + i));
            assertEquals(99 - i, drain(policy, "victim " + i));
        }
    }

    /** Keys that a client makes up under one policy leave room for the keys of other policies. */
    @ParameterizedTest
    @ValueSource(strings = {"3/day", "3/day sliding", "3/day fixed", "3/day; 5/day fixed"})
    void floodOfOnePolicyLeavesRoomForTheKeysOfOthers(String limits) {
        Policy flooded = Policy.of("flooded", limits);
        Policy other = Policy.of("other", limits);
        assertEquals(3, drain(other, "first"));
        for (int i = 0; i < 20_000; i++) {
            backend.acquireBlocking(flooded, "flood " + i, 1);
        }
        assertEquals(BOUND - BOUND / 8, backend.liveKeys());
        long shared = backend.sharedDecisions();
        for (int i = 1; i <= BOUND / 8; i++) {
            assertEquals(3, drain(other, "honest " + i));
        }
        assertEquals(shared, backend.sharedDecisions());
        assertEquals(BOUND, backend.liveKeys());
        for (int i = 0; i < BOUND / 2; i++) {
            assertEquals(2, remaining(flooded, "flood " + i), "no live key is evicted");
        }
        assertEquals(0, drain(other, "first"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"20/day", "20/day sliding", "20/day fixed", "20/day; 30/day fixed"})
    void keysBeyondTheBoundShareCountersWithinTheirLimits(String limits) {
        fill();
        Policy policy = Policy.of("crowded", limits);
        int keys = 20_000;
        long all = 0;
        for (int i = 0; i < keys; i++) {
            long granted = drain(policy, "late " + i);
            assertTrue(granted <= 20, () -> granted + " granted");
            all += granted;
            assertEquals(0, drain(policy, "late " + i), "still spent");
        }
        assertEquals(BOUND, backend.liveKeys());
        assertTrue(all > 20 * 3_000 && all <= 20 * 4_096, "a few thousand counters were shared: " + all);
        for (int i = 0; i < keys; i++) {
            assertFalse(backend.acquireBlocking(policy, "late " + i, 1).allowed());
        }
    }

    /** A block of a shared counter would block other keys too. */
    @Test
    void blockOfAKeyWithoutItsOwnCounterFails() {
        Policy filler = fill();
        Policy policy = Policy.of("crowded", "20/day");
        assertTrue(backend.acquireBlocking(policy, "late", 1).allowed());
        String message = assertThrows(CompletionException.class, () -> backend.block(policy, "late", 1_000_000)
                        .join())
                .getCause()
                .getMessage();
        assertEquals(
                "The key is not blocked: 1000 keys are live, which is the bound. Raise the bound or use a store.",
                message);
        assertEquals(19, drain(policy, "late"));
        backend.block(filler, "filler 7", 1_000_000).join();
        assertEquals(0, drain(filler, "filler 7"));
        assertEquals(4, drain(filler, "filler 8"));
        clock.addAndGet(1_000_000);
        assertEquals(4, drain(filler, "filler 7"));
    }

    @Test
    void newKeysAtTheBoundEndNoBlock() {
        Policy policy = Policy.of("filler", "20/s");
        backend.block(policy, "key", 400_000).join();
        fill(BOUND - 1);
        for (int i = 0; i < 300_000; i++) {
            clock.incrementAndGet();
            backend.acquireBlocking(policy, "noise " + i, 1);
        }
        assertEquals(100_000, backend.acquireBlocking(policy, "key", 1).retryAfterMicros());
        clock.addAndGet(100_000);
        assertEquals(20, drain(policy, "key"));
    }

    @Test
    void decisionsOnSharedCountersAreCounted() {
        Policy filler = fill();
        backend.acquireBlocking(filler, "filler 7", 1);
        assertEquals(0, backend.sharedDecisions());
        Policy policy = Policy.of("late", "10/day");
        for (int i = 1; i <= 10; i++) {
            assertTrue(backend.acquireBlocking(policy, "late", 1).allowed());
            assertEquals(i, backend.sharedDecisions());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"20/day", "20/day sliding", "20/day fixed", "20/day; 30/day fixed"})
    void keyGetsItsOwnFullCounterWhenThereIsRoom(String limits) {
        Policy filler = fill();
        Policy policy = Policy.of("crowded", limits);
        assertEquals(8, backend.acquireBlocking(policy, "late", 12).remaining());
        assertEquals(8, remaining(policy, "late"));
        backend.reset(filler, "filler 3").join();
        assertEquals(20, remaining(policy, "late"));
        assertEquals(19, backend.acquireBlocking(policy, "late", 1).remaining());
        assertEquals(BOUND, backend.liveKeys());
        long shared = backend.sharedDecisions();
        assertEquals(19, drain(policy, "late"));
        assertEquals(shared, backend.sharedDecisions());
    }

    @Test
    void floodOfKeysAffectsNoKeyAfterItsEnd() {
        Policy filler = fill();
        Policy policy = Policy.of("crowded", "10/day fixed");
        for (int i = 0; i < 100_000; i++) {
            backend.acquireBlocking(policy, "flood " + i, 1);
        }
        assertFalse(backend.acquireBlocking(policy, "a newcomer", 1).allowed(), "the shared counters are spent");
        for (int i = 0; i < BOUND; i++) {
            backend.reset(filler, "filler " + i).join();
        }
        for (int i = 0; i < BOUND; i++) {
            assertEquals(10, drain(policy, "newcomer " + i));
        }
    }

    @Test
    void keyBeyondTheBoundCanBeReset() {
        fill();
        Policy policy = Policy.of("crowded", "20/day fixed");
        backend.acquireBlocking(policy, "late", 20);
        backend.reset(policy, "late").join();
        assertEquals(20, drain(policy, "late"));
    }

    /** Otherwise the permits could be granted to another key on the same counter. */
    @Test
    void refundOfAKeyBeyondTheBoundIsLost() {
        fill();
        Policy policy = Policy.of("crowded", "20/day fixed");
        backend.acquireBlocking(policy, "late", 20);
        backend.refund(policy, "late", 5, LimitState.LATEST).join();
        assertEquals(0, remaining(policy, "late"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"2/s", "2/s sliding", "2/s fixed", "2/s; 3/s fixed"})
    void blankKeysAreEvicted(String limits) {
        Policy policy = Policy.of("brief", limits);
        for (int i = 0; i < 900; i++) {
            backend.acquireBlocking(policy, "brief " + i, 1);
        }
        assertEquals(900, backend.liveKeys());
        for (int i = 0; i < 120; i++) {
            clock.addAndGet(20_000);
            backend.acquireBlocking(policy, "steady", 0);
        }
        assertEquals(0, backend.liveKeys());
    }

    @Test
    void deniedAndPeekedKeysUseNoMemory() {
        Policy policy = Policy.of("p", "5/day");
        for (int i = 0; i < 100; i++) {
            Decision denied = backend.acquireBlocking(policy, "key " + i, 6);
            assertEquals(LimitState.NEVER, denied.retryAfterMicros());
            backend.peek(policy, "key " + i, 1).join();
            backend.refund(policy, "key " + i, 1, LimitState.LATEST).join();
            backend.acquireBlocking(policy, "key " + i, 0);
        }
        assertEquals(0, backend.liveKeys());
    }

    /** Long keys are stored as their hash, which is also a possible key. */
    @Test
    void keyIsNotConfusedWithTheHashOfAnother() {
        Policy policy = Policy.of("p", "1/day");
        for (int length : new int[] {63, 64, 65, 100_000}) {
            String key = "k".repeat(length);
            assertEquals(1, drain(policy, key));
            assertEquals(1, drain(policy, KeyHash.of(key)), "length " + length);
        }
    }
}
