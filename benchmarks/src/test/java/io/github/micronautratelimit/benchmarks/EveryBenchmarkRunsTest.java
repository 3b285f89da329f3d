package io.github.micronautratelimit.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Set;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import io.github.bucket4j.ConsumptionProbe;
import io.github.micronautratelimit.Decision;

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
    void theCursorVisitsEveryKeyAndBeginsAnew() {
        String first = cursor.next();
        String second = cursor.next();
        String third = cursor.next();

        assertEquals(Set.copyOf(keys.inOrder()), Set.of(first, second, third));
        assertEquals(first, cursor.next());
    }

    @Test
    void theCeilingCountsByOne() {
        Ceiling ceiling = filled(new Ceiling());

        for (int i = 0; i < THREE; i++) {
            assertEquals(1, ceiling.ceiling(cursor));
        }
        assertEquals(2, ceiling.ceiling(cursor));
    }

    @Test
    void theCeilingWithAClockKnowsTheTime() {
        Ceiling ceiling = filled(new Ceiling());
        long before = System.nanoTime();

        long stored = ceiling.ceilingWithClock(cursor);

        assertTrue(stored > before && stored <= System.nanoTime() + 1);
    }

    @Test
    void oursAdmitsUnderEveryKindOfLimit() {
        Ours.Bucket bucket = filled(new Ours.Bucket());

        assertEquals(999_999_998, new Ours().ours(bucket, cursor).remaining());
        assertEquals(999_999_998, new Ours().oursAsync(bucket, cursor).toCompletableFuture().join().remaining());
        assertEquals(999_999_998, new Ours().oursSliding(filled(new Ours.Sliding()), cursor).remaining());
        assertEquals(999_999_998, new Ours().oursFixed(filled(new Ours.Fixed()), cursor).remaining());
        assertEquals(999_999_998, new Ours().oursTwoLimits(filled(new Ours.TwoLimits()), cursor).remaining());
        assertEquals(999_999_998, new Ours().oursInNoTime(filled(new Ours.Timeless()), cursor).remaining());
        bucket.check(keys);
    }

    @Test
    void theClockGoesOn() {
        long before = new Ours().clockAlone(keys);

        assertTrue(new Ours().clockAlone(keys) >= before);
    }

    @Test
    void oursDeniesWhatIsUsedUp() {
        Ours.UsedUp usedUp = filled(new Ours.UsedUp());

        Decision decision = new Ours().oursDenied(usedUp, cursor);

        assertFalse(decision.allowed());
        assertTrue(decision.retryAfterMicros() > 0);
        usedUp.check(keys);
    }

    @Test
    void whatStandsInFrontDecidesWhereItShould() {
        InFront.Leasing leasing = filled(new InFront.Leasing());
        InFront.Denying denying = filled(new InFront.Denying());

        assertEquals(Decision.Source.STORE, new InFront().nothing(filled(new InFront.Bare()), cursor).source());
        assertEquals(Decision.Source.STORE, new InFront().guard(filled(new InFront.Guarded()), cursor).source());
        assertEquals(Decision.Source.STORE, new InFront().all(filled(new InFront.Granting()), cursor).source());
        assertEquals(Decision.Source.LEASE, new InFront().leased(leasing, cursor).source());
        assertEquals(Decision.Source.LEASE, new InFront().leasedAsync(leasing, cursor).toCompletableFuture().join().source());
        assertEquals(Decision.Source.DENY_CACHE, new InFront().denied(denying, cursor).source());
        assertEquals(Decision.Source.DENY_CACHE,
                new InFront().deniedAsync(denying, cursor).toCompletableFuture().join().source());
        leasing.check(keys);
        denying.check(keys);
    }

    @Test
    void thePeersAdmit() {
        ConsumptionProbe probe = filled(new Bucket4j()).bucket4j(cursor);

        assertTrue(probe.isConsumed());
        assertEquals(999_999_998, probe.getRemainingTokens());
        assertTrue(filled(new Resilience4j()).resilience4j(cursor));
        assertTrue(filled(new Guava()).guava(cursor));
    }
}
