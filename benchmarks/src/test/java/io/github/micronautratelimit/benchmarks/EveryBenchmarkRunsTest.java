package io.github.micronautratelimit.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.bucket4j.ConsumptionProbe;
import io.github.micronautratelimit.Decision;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class EveryBenchmarkRunsTest {

    private static final int THREE = 3;

    private final Keys keys = new Keys();
    private final Cursor cursor = new Cursor();

    @BeforeEach
    void givenThreeKeysAndACursor() {
        keys.keys = THREE;
        keys.make();
        cursor.start(keys, 0, 1);
    }

    private <L extends Limiter> L filled(L limiter) {
        limiter.fill(keys);
        return limiter;
    }

    @Test
    void cursorVisitsEveryKeyAndStartsAgain() {
        String first = cursor.next();
        String second = cursor.next();
        String third = cursor.next();

        assertEquals(Set.copyOf(keys.inOrder()), Set.of(first, second, third));
        assertEquals(first, cursor.next());
    }

    @Test
    void ceilingCountsByOne() {
        Ceiling ceiling = filled(new Ceiling());

        for (int i = 0; i < THREE; i++) {
            assertEquals(1, ceiling.ceiling(cursor));
        }
        assertEquals(2, ceiling.ceiling(cursor));
    }

    @Test
    void ceilingWithClockStoresTheTime() {
        Ceiling ceiling = filled(new Ceiling());
        long before = System.nanoTime();

        long stored = ceiling.ceilingWithClock(cursor);

        assertTrue(stored > before && stored <= System.nanoTime() + 1);
    }

    @Test
    void oursGrantsUnderEveryKindOfLimit() {
        Ours.Bucket bucket = filled(new Ours.Bucket());

        assertEquals(999_999_998, new Ours().ours(bucket, cursor).remaining());
        assertEquals(
                999_999_998,
                new Ours()
                        .oursAsync(bucket, cursor)
                        .toCompletableFuture()
                        .join()
                        .remaining());
        assertEquals(
                999_999_998,
                new Ours().oursSliding(filled(new Ours.Sliding()), cursor).remaining());
        assertEquals(
                999_999_998,
                new Ours().oursFixed(filled(new Ours.Fixed()), cursor).remaining());
        assertEquals(
                999_999_998,
                new Ours().oursTwoLimits(filled(new Ours.TwoLimits()), cursor).remaining());
        assertEquals(
                999_999_998,
                new Ours().oursInNoTime(filled(new Ours.StoppedClock()), cursor).remaining());
        bucket.check(keys);
    }

    @Test
    void clockAdvances() {
        long before = new Ours().clockAlone(keys);

        assertTrue(new Ours().clockAlone(keys) >= before);
    }

    @Test
    void oursDeniesWithoutRemainingPermits() {
        Ours.UsedUp usedUp = filled(new Ours.UsedUp());

        Decision decision = new Ours().oursDenied(usedUp, cursor);

        assertFalse(decision.allowed());
        assertTrue(decision.retryAfterMicros() > 0);
        usedUp.check(keys);
    }

    @Test
    void layersDecideAtTheExpectedSource() {
        Layers.Prefetching prefetching = filled(new Layers.Prefetching());
        Layers.Denying denying = filled(new Layers.Denying());

        assertEquals(
                Decision.Source.STORE,
                new Layers().nothing(filled(new Layers.Bare()), cursor).source());
        assertEquals(
                Decision.Source.STORE,
                new Layers().guard(filled(new Layers.Guarded()), cursor).source());
        assertEquals(
                Decision.Source.STORE,
                new Layers().all(filled(new Layers.Granting()), cursor).source());
        assertEquals(
                Decision.Source.PREFETCHED,
                new Layers().prefetched(prefetching, cursor).source());
        assertEquals(
                Decision.Source.PREFETCHED,
                new Layers()
                        .prefetchedAsync(prefetching, cursor)
                        .toCompletableFuture()
                        .join()
                        .source());
        assertEquals(
                Decision.Source.DENY_CACHE, new Layers().denied(denying, cursor).source());
        assertEquals(
                Decision.Source.DENY_CACHE,
                new Layers()
                        .deniedAsync(denying, cursor)
                        .toCompletableFuture()
                        .join()
                        .source());
        prefetching.check(keys);
        denying.check(keys);
    }

    @Test
    void peersGrant() {
        ConsumptionProbe probe = filled(new Bucket4j()).bucket4j(cursor);

        assertTrue(probe.isConsumed());
        assertEquals(999_999_998, probe.getRemainingTokens());
        assertTrue(filled(new Resilience4j()).resilience4j(cursor));
        assertTrue(filled(new Guava()).guava(cursor));
    }

    @Test
    void choiceTakesTheMatchingCase() {
        Cases cases = new Cases();

        assertEquals(List.of("authenticated"), cases.twoCases());
        assertEquals(List.of("otherwise"), cases.everyKind());
        assertEquals(List.of("otherwise"), cases.everyKindIpv6());
    }
}
