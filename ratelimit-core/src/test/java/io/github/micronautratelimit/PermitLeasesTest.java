package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.github.micronautratelimit.Decision.Source;
import io.github.micronautratelimit.memory.MemoryBackend;

/** On a clock that stands still unless it is moved: what is not used is given back only when a test says so. */
class PermitLeasesTest {

    private static final long DAY = 86_400_000_000L;
    private static final long TURN = PermitLease.TURN_MICROS;

    private final AtomicLong micros = new AtomicLong(20_000 * DAY);
    private final LedgerStore store = new LedgerStore(micros::get);
    private final PermitLeases leases = instance();
    private final Policy policy = Policy.of("p", "10000/day").withMaxLease(50);

    private PermitLeases instance() {
        return new PermitLeases(new Guard(store, "ledger", Duration.ofSeconds(30), 1, micros::get, List.of()), micros::get);
    }

    private static <T> T join(CompletionStage<T> stage) {
        return stage.toCompletableFuture().orTimeout(20, TimeUnit.SECONDS).join();
    }

    private Decision acquire(Policy under, long permits) {
        return join(leases.acquire(under, "key", permits));
    }

    private long granted(Policy under, int requests) {
        long granted = 0;
        for (int i = 0; i < requests; i++) {
            granted += acquire(under, 1).allowed() ? 1 : 0;
        }
        return granted;
    }

    private void turn() {
        micros.addAndGet(TURN);
        leases.sweep();
    }

    @Test
    void aKeyThatComesOnceLeavesNothingBehind() {
        assertEquals(new Decision.Allowed(9_999, 8_640_000, Source.STORE), acquire(policy, 1));
        assertEquals(0, leases.leasedPermits());
        assertEquals(1, store.charged.get());
        assertEquals(1, store.calls.get());
    }

    @Test
    void nothingIsHeldBeyondWhatWasUsed() {
        for (int used = 1; used <= 200; used++) {
            assertTrue(acquire(policy, 1).allowed());
            assertTrue(leases.heldPermits() <= Math.min(50, used), leases.heldPermits() + " held after " + used);
            assertEquals(used + leases.heldPermits(), store.charged.get());
        }
    }

    @Test
    void aHotKeySeldomAsksTheStore() {
        assertEquals(1_000, granted(policy, 1_000));
        assertEquals(Source.LEASE, acquire(policy, 1).source());
        assertTrue(store.calls.get() <= 50, () -> "asked " + store.calls + " times");
        assertTrue(leases.grantedPermits() > 990, () -> "granted from leases: " + leases.grantedPermits());
        assertEquals(leases.leasedPermits(), leases.grantedPermits() + leases.heldPermits());
    }

    @Test
    void aGrantTellsWhatIsLeftAsFarAsIsKnown() {
        granted(policy, 100);
        Decision decision = acquire(policy, 1);
        assertEquals(new Decision.Allowed(10_000 - 101, decision.resetAfterMicros(), Source.LEASE), decision);
        assertEquals(10_000 - 101, join(leases.peek(policy, "key", 0)).remaining());
    }

    @Test
    void whatIsNotUsedIsGivenBackWithinASecond() {
        assertEquals(100, granted(policy, 100));
        assertTrue(leases.heldPermits() > 0);
        turn();
        turn();
        assertEquals(0, leases.heldPermits());
        assertEquals(100, store.charged.get());
        assertEquals(leases.leasedPermits(), leases.grantedPermits() + leases.returnedPermits());
    }

    @Test
    void aKeyThatGrowsColdHoldsLess() {
        granted(policy, 1_000);
        for (int i = 0; i < 10; i++) {
            turn();
            assertEquals(2, granted(policy, 2));
        }
        turn();
        assertTrue(leases.heldPermits() <= 2, () -> leases.heldPermits() + " held");
    }

    @Test
    void permitsTakenAheadAreGivenBackIfThereIsNoPlace() {
        MemoryBackend memory = new MemoryBackend(micros::get, 10);
        Policy both = Policy.of("both", "10000/day; 1 concurrent").withMaxLease(50);
        try (PermitLeases ahead = new PermitLeases(
                new Guard(memory, "memory", Duration.ofSeconds(30), 1, micros::get, List.of()), micros::get)) {
            RateLimiter limiter = new RateLimiter(ahead, List.of());
            for (int i = 0; i < 100; i++) {
                limiter.lease(both, "key").close();
            }
            assertTrue(ahead.grantedPermits() > 50, "most came out of what was taken ahead");
            Lease held = limiter.lease(both, "key");
            for (int i = 0; i < 60; i++) {
                assertFalse(limiter.lease(both, "key").allowed());
            }
            held.close();
        }
        assertEquals(10_000 - 101, join(memory.peek(both.ratesOnly(), "key", 0)).remaining());
    }

    @Test
    void itIsSweptWithoutBeingAsked() throws InterruptedException {
        granted(policy, 100);
        micros.addAndGet(TURN);
        long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (leases.heldPermits() > 0) {
            assertTrue(System.nanoTime() < end, "still held");
            Thread.sleep(20);
            micros.addAndGet(TURN / 10);
        }
        assertEquals(100, store.charged.get());
    }

    @ParameterizedTest
    @ValueSource(strings = {"100/day", "100/day sliding", "100/day fixed", "100/day; 1000/day fixed; 200/day sliding"})
    void aSingleInstanceGrantsExactlyTheLimit(String limits) {
        Policy hundred = Policy.of("p", limits).withMaxLease(1_000);
        assertEquals(100, granted(hundred, 150));
        Decision denied = acquire(hundred, 1);
        assertEquals(join(store.peek(hundred, "key", 1)), denied);
        assertEquals(0, leases.heldPermits());
    }

    @Test
    void ofWhatIsLeftNoMoreThanHalfIsTaken() {
        Policy eight = Policy.of("p", "8/day").withMaxLease(1_000);
        for (int i = 1; i <= 8; i++) {
            long free = 8 - store.charged.get();
            assertTrue(acquire(eight, 1).allowed());
            assertTrue(8 - store.charged.get() >= (free - 1) / 2, "request " + i + " left " + store.charged);
        }
        assertFalse(acquire(eight, 1).allowed());
    }

    @Test
    void whoAsksForMoreThanIsHeldAsksTheStore() {
        granted(policy, 100);
        long held = leases.heldPermits();
        assertEquals(Source.STORE, acquire(policy, held + 1).source());
        assertEquals(100 + held + 1 + leases.heldPermits(), store.charged.get());
        assertTrue(leases.heldPermits() <= 50);
        assertEquals(Source.LEASE, acquire(policy, leases.heldPermits()).source());
    }

    @Test
    void aPolicyWithoutALeaseAndARequestForNothingAskTheStore() {
        granted(policy, 100);
        Policy exact = policy.withMaxLease(0);
        assertEquals(Source.STORE, acquire(policy, 0).source());
        for (int i = 0; i < 10; i++) {
            assertEquals(Source.STORE, join(leases.acquire(exact, "other", 1)).source());
            assertEquals(Source.STORE, join(leases.acquire(policy, "long".repeat(300), 1)).source());
        }
    }

    @Test
    void whatIsHeldOfAFixedWindowIsNotGrantedAfterIt() {
        Policy hundred = Policy.of("p", "100/min fixed").withMaxLease(50);
        micros.set(20_000 * DAY + 58_000_000);
        granted(hundred, 30);
        long held = leases.heldPermits();
        assertTrue(held > 0);
        micros.set(20_000 * DAY + 60_000_000);
        Decision first = acquire(hundred, 1);
        assertEquals(new Decision.Allowed(99, 60_000_000, Source.STORE), first);
        leases.sweep();
        assertEquals(99, granted(hundred, 200));
        assertEquals(held, leases.lapsedPermits());
        assertEquals(0, leases.heldPermits());
    }

    /** It could arrive in the next window, which did not charge it. */
    @Test
    void inTheLastMomentsOfAFixedWindowNothingIsGivenBack() {
        Policy hundred = Policy.of("p", "100/min fixed").withMaxLease(50);
        micros.set(20_000 * DAY + 59_100_000);
        granted(hundred, 30);
        long held = leases.heldPermits();
        leases.close();
        assertEquals(30 + held, store.charged.get());
        assertEquals(held, leases.lapsedPermits());
    }

    @Test
    void atTheEndAllComesBack() {
        for (String key : List.of("a", "b", "c")) {
            for (int i = 0; i < 50; i++) {
                join(leases.acquire(policy, key, 1));
            }
        }
        assertTrue(leases.heldPermits() > 50);
        leases.close();
        assertEquals(0, leases.heldPermits());
        assertEquals(150, store.charged.get());
        assertEquals(Source.STORE, acquire(policy, 1).source());
        assertEquals(Source.STORE, acquire(policy, 1).source());
        assertEquals(152, store.charged.get());
    }

    @Test
    void whileTheStoreIsAwayWhatIsHeldIsGrantedAndNothingElseIsLeased() {
        Policy closed = new Policy("p", policy.limits(), OnError.CLOSED, null, List.of(), 50);
        granted(closed, 100);
        long held = leases.heldPermits();
        store.away = true;
        assertEquals(held, granted(closed, 200));
        assertEquals(Source.FALLBACK, acquire(closed, 1).source());
        assertEquals(0, leases.heldPermits());
        assertEquals(100 + held, store.charged.get());
    }

    @Test
    void whatOnErrorGrantsIsNotHeld() {
        store.away = true;
        for (int i = 0; i < 100; i++) {
            assertEquals(Source.FALLBACK, acquire(policy, 1).source());
        }
        assertEquals(0, leases.leasedPermits());
    }

    @Test
    void whatIsHeldWhileTheStoreIsNotAskedIsKept() {
        granted(policy, 100);
        long held = leases.heldPermits();
        store.away = true;
        for (int i = 0; i < 20; i++) {
            join(leases.acquire(policy, "other", 1));
        }
        turn();
        turn();
        turn();
        assertEquals(held, leases.heldPermits());
        assertEquals(held, granted(policy, (int) held));
    }

    @Test
    void aGrantGivenBackIsFreeAtOnce() {
        granted(policy, 100);
        long held = leases.heldPermits();
        join(leases.refund(policy, "key", 1));
        assertEquals(99 + held, store.charged.get());
        assertEquals(held, leases.heldPermits());
    }

    @Test
    void whoGivesBackMoreThanHeHadGetsNoMoreThanAll() {
        granted(policy, 100);
        join(leases.refund(policy, "key", 1_000_000));
        assertEquals(0, leases.heldPermits());
        assertEquals(10_000, join(leases.peek(policy, "key", 0)).remaining());
        assertEquals(10_000, granted(policy, 20_000));
    }

    @Test
    void aResetForgetsWhatIsHeld() {
        granted(policy, 100);
        long held = leases.heldPermits();
        join(leases.reset(policy, "key"));
        assertEquals(held, leases.lapsedPermits());
        assertEquals(0, leases.heldPermits());
        assertEquals(10_000, granted(policy, 20_000));
    }

    @Test
    void aBlockEndsWhatIsHeld() {
        granted(policy, 100);
        join(leases.block(policy, "key", 60_000_000));
        assertEquals(0, leases.heldPermits());
        assertEquals(100, store.charged.get());
        assertFalse(acquire(policy, 1).allowed());
        micros.addAndGet(60_000_000);
        assertTrue(acquire(policy, 1).allowed());
    }

    @Test
    void otherLimitsStartWithoutWhatWasHeld() {
        granted(policy, 100);
        Policy lower = policy.withLimits(Limit.parseAll("100/day"));
        assertFalse(acquire(lower, 1).allowed());
        assertEquals(0, leases.heldPermits());
        assertEquals(100, store.charged.get());
    }

    @Test
    void ofKeysBeyondTheBoundWhatIsHeldIsGivenBack() {
        for (int key = 0; key < PermitLeaseTable.MAX_KEYS + 500; key++) {
            for (int i = 0; i < 3; i++) {
                assertTrue(join(leases.acquire(policy, "key" + key, 1)).allowed());
            }
        }
        assertTrue(leases.returnedPermits() >= 1, () -> "given back: " + leases.returnedPermits());
        assertTrue(leases.heldPermits() <= 3L * PermitLeaseTable.MAX_KEYS);
        leases.close();
        assertEquals(3L * (PermitLeaseTable.MAX_KEYS + 500), store.charged.get());
    }

    @Test
    void underSeveralPoliciesWhatIsHeldIsTakenAndTheRestAskedFor() {
        Policy other = Policy.of("other", "3/day");
        granted(policy, 100);
        long held = leases.heldPermits();
        List<Ask> asks = List.of(new Ask(policy, "key", 2), new Ask(other, "key", 1));
        for (int i = 1; i <= 3; i++) {
            List<Decision> decisions = join(leases.acquireAll(asks));
            assertEquals(List.of(Source.LEASE, Source.STORE), decisions.stream().map(Decision::source).toList());
            assertTrue(decisions.stream().allMatch(Decision::allowed));
        }
        assertEquals(held - 6, leases.heldPermits());
        List<Decision> denied = join(leases.acquireAll(asks));
        assertEquals(new Decision.Allowed(10_000 - 106, denied.get(0).resetAfterMicros(), Source.LEASE), denied.get(0));
        assertFalse(denied.get(1).allowed());
        assertEquals(held - 6, leases.heldPermits());
        assertEquals(100 + held + 3, store.charged.get());
    }

    @Test
    void underSeveralPoliciesThatAreAllHeldTheStoreIsNotAsked() {
        Policy other = Policy.of("other", "10000/day").withMaxLease(50);
        List<Ask> asks = List.of(new Ask(policy, "key", 1), new Ask(other, "key", 1));
        for (int i = 0; i < 100; i++) {
            join(leases.acquireAll(asks));
        }
        long calls = store.calls.get();
        assertTrue(join(leases.acquireAll(asks)).stream().allMatch(each -> each.source() == Source.LEASE));
        assertTrue(store.calls.get() - calls <= 2);
        assertEquals(202 + leases.heldPermits(), store.charged.get());
    }

    @Test
    void aDenialBehindADenyCacheIsTheStores() {
        DenyCache cache = new DenyCache(leases, micros::get, Duration.ofSeconds(1));
        Policy ten = Policy.of("p", "10/s").withMaxLease(50);
        for (int i = 0; i < 10; i++) {
            assertTrue(join(cache.acquire(ten, "key", 1)).allowed());
        }
        assertEquals(Source.STORE, join(cache.acquire(ten, "key", 1)).source());
        assertEquals(new Decision.Denied(0, 100_000, 1_000_000, ten.limits(), Source.DENY_CACHE),
                join(cache.acquire(ten, "key", 1)));
        micros.addAndGet(100_000);
        assertTrue(join(cache.acquire(ten, "key", 1)).allowed());
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, 1_000_001})
    void aLeaseOutOfRangeIsRefused(long most) {
        String message = assertThrows(IllegalArgumentException.class, () -> policy.withMaxLease(most)).getMessage();
        assertEquals("A lease is of 0 to 1000000 permits, not " + most + ".", message);
    }
}
