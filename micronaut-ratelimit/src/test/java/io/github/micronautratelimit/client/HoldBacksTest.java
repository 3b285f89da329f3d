package io.github.micronautratelimit.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.client.HoldBacks.Partition;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Test;

/** Partitions that are held back; the test moves the time. */
class HoldBacksTest {

    private static final long SECOND = 1_000_000_000;
    private static final long LONGEST = 300 * SECOND;
    private static final Partition PARTNER = new Partition("partner", "");

    private final HoldBacks holds = new HoldBacks();
    private final List<Long> stored = new ArrayList<>();
    private final CompletableFuture<Void> answer = CompletableFuture.completedFuture(null);

    private long hold(long nanos, long now) {
        return holds.hold(PARTNER, nanos, LONGEST, now, this::store);
    }

    private CompletionStage<?> store(long nanos) {
        stored.add(nanos);
        return answer;
    }

    @Test
    void holdEndsAfterItsTime() {
        assertEquals(0, holds.restNanos(PARTNER, 0));
        assertEquals(5 * SECOND, hold(5 * SECOND, 0));
        assertEquals(3 * SECOND, holds.restNanos(PARTNER, 2 * SECOND));
        assertEquals(0, holds.restNanos(PARTNER, 5 * SECOND));
        assertEquals(0, holds.restNanos(new Partition("partner", "other"), 0));
    }

    @Test
    void latestEndCounts() {
        hold(5 * SECOND, 0);
        assertEquals(0, hold(SECOND, 0));
        assertEquals(2 * SECOND, hold(6 * SECOND, SECOND));
        assertEquals(6 * SECOND, holds.restNanos(PARTNER, SECOND));
    }

    @Test
    void bunchOfEqualAnswersCallsTheStoreOnce() {
        for (int i = 0; i < 1_000; i++) {
            hold(5 * SECOND, i * 40_000L);
        }
        assertEquals(List.of(5 * SECOND), stored);
    }

    @Test
    void noAnswerHoldsBackLongerThanTheBound() {
        assertEquals(LONGEST, hold(1_000_000 * SECOND, 0));
        assertEquals(List.of(LONGEST), stored);
    }

    @Test
    void denialsWithoutATimeHoldBackTwiceAsLongEachTime() {
        long now = 0;
        for (long expected = SECOND; expected < 64 * SECOND; expected *= 2) {
            assertEquals(expected, hold(0, now));
            assertEquals(0, hold(0, now + 1), "a call that was under way");
            now += expected;
        }
        for (int i = 0; i < 100; i++) {
            long moved = hold(0, now);
            assertTrue(moved <= LONGEST);
            now += moved;
        }
        assertEquals(LONGEST, hold(0, now));
    }

    @Test
    void servedCallForgetsTheDenialsBefore() {
        hold(0, 0);
        assertEquals(2 * SECOND, hold(0, SECOND));
        holds.served(PARTNER, 2 * SECOND);
        assertEquals(SECOND, holds.restNanos(PARTNER, 2 * SECOND), "an answer from before the denial");
        holds.served(PARTNER, 3 * SECOND);
        assertEquals(SECOND, hold(0, 3 * SECOND));
    }

    @Test
    void callersWaitForTheAnswerOfTheStore() {
        CompletableFuture<Void> late = new CompletableFuture<>();
        holds.hold(PARTNER, SECOND, LONGEST, 0, nanos -> late);
        assertFalse(holds.stored(PARTNER).toCompletableFuture().isDone());
        late.completeExceptionally(new IllegalStateException("The store is unavailable."));
        assertTrue(holds.stored(PARTNER).toCompletableFuture().isDone());
        assertFalse(holds.stored(PARTNER).toCompletableFuture().isCompletedExceptionally());
    }

    @Test
    void partitionsAreBoundedAndOthersAreStored() {
        for (int i = 0; i < HoldBacks.MAX_PARTITIONS + 10; i++) {
            holds.hold(new Partition("partner", "key " + i), SECOND, LONGEST, 0, this::store);
        }
        assertEquals(HoldBacks.MAX_PARTITIONS, holds.size());
        assertEquals(HoldBacks.MAX_PARTITIONS + 10, stored.size());
        holds.hold(PARTNER, SECOND, LONGEST, 2 * SECOND, this::store);
        assertEquals(1, holds.size(), "those that are over make room");
    }
}
