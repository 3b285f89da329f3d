package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.limit.LimitSet;
import io.github.micronautratelimit.memory.MemoryBackend;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The contract of backends that keep slots of concurrency limits; see {@link ConcurrencyBackend}. To test a backend,
 * extend this class and open its store.
 *
 * <p>An instance that dies is simulated by holders that are not renewed, because a store notices nothing else.
 */
public abstract class LeaseContract {

    private static final long LEASE = 30_000_000;
    private static final int INSTANCES = 4;
    private static final int CALLERS = 64;

    /** Creates the suite. */
    protected LeaseContract() {}

    /**
     * Opens the store under test.
     *
     * @return a new instance; the test case closes it
     */
    protected abstract BackendUnderTest open();

    private TestCase newTestCase() {
        return new TestCase(open());
    }

    private static Policy concurrent(TestCase testCase, String limits) {
        return Policy.of(testCase.policy("1/s").name(), LimitSet.parse(limits)).withOnError(OnError.CLOSED);
    }

    private static Policy changed(Policy policy, String limits) {
        return policy.withLimits(LimitSet.parse(limits));
    }

    private static ConcurrencyBackend slots(TestCase testCase) {
        return testCase.store.connect(testCase.clock).concurrency();
    }

    private static <T> T join(CompletionStage<T> stage) {
        return stage.toCompletableFuture().orTimeout(60, TimeUnit.SECONDS).join();
    }

    private static Decision take(ConcurrencyBackend slots, Policy policy, String key) {
        return join(slots.acquire(policy, key, UUID.randomUUID()));
    }

    private static Decision granted(long remaining, long resetAfter) {
        return new Decision.Allowed(remaining, resetAfter, Decision.Source.STORE);
    }

    private static Decision denied(long retryAfter, long resetAfter) {
        return new Decision.Denied(0, retryAfter, resetAfter, List.of(), Decision.Source.STORE);
    }

    /** Slots of a policy in shadow mode are held and released like others, and a missing one denies no request. */
    @Test
    void slotIsReleasedInTheGenerationInWhichItIsHeld() {
        try (TestCase testCase = newTestCase()) {
            Policy first = concurrent(testCase, "1 concurrent");
            Policy second = first.withGeneration(7);
            ConcurrencyBackend slots = slots(testCase);
            UUID old = UUID.randomUUID();
            assertTrue(join(slots.acquire(first, "key", old)).allowed());
            assertTrue(take(slots, second, "key").allowed());
            assertFalse(take(slots, second, "key").allowed());
            assertTrue(join(slots.renew(first, "key", old)));
            join(slots.release(first, "key", old));
            assertTrue(join(slots.peek(first, "key")).allowed());
            assertFalse(take(slots, second, "key").allowed());
        }
    }

    @Test
    final void shadowSlotsAreHeldAndReleased() {
        try (TestCase testCase = newTestCase()) {
            Policy shadow =
                    Policy.of(testCase.policy("1/s").name(), "2 concurrent").withShadow(true);
            List<Lease> leases = new ArrayList<>();
            List<Decision> real = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                Lease lease = testCase.limiter.lease(shadow, "key");
                assertTrue(lease.allowed());
                assertTrue(lease.hasSlots());
                leases.add(lease);
                real.add(assertInstanceOf(
                                Decision.Shadowed.class,
                                lease.decisions().list().get(0))
                        .decision()
                        .toCompletableFuture()
                        .join());
            }
            assertEquals(
                    List.of(true, true, false),
                    real.stream().map(Decision::allowed).toList());
            assertEquals(0, testCase.status(shadow, "key").remaining());
            leases.forEach(lease -> lease.release().toCompletableFuture().join());
            FaultCase.await(
                    "the slots are released",
                    () -> testCase.status(shadow, "key").remaining() == 2);
        }
    }

    /** All slots are granted and no more. A denial returns the time until the first lease expires. */
    @Test
    final void slotsAreGrantedUpToTheLimit() {
        try (TestCase testCase = newTestCase()) {
            ConcurrencyBackend slots = slots(testCase);
            Policy policy = concurrent(testCase, "3 concurrent");
            UUID second = UUID.randomUUID();
            assertEquals(granted(3, 0), join(slots.peek(policy, "key")));
            assertEquals(granted(2, LEASE), take(slots, policy, "key"));
            testCase.clock.advance(Duration.ofNanos(1_000));
            assertEquals(granted(1, LEASE), join(slots.acquire(policy, "key", second)));
            testCase.clock.advance(Duration.ofSeconds(1));
            assertEquals(granted(1, LEASE - 1_000_000), join(slots.peek(policy, "key")));
            assertEquals(granted(0, LEASE), take(slots, policy, "key"));
            assertEquals(denied(LEASE - 1_000_001, LEASE), take(slots, policy, "key"));
            assertEquals(denied(LEASE - 1_000_001, LEASE), join(slots.peek(policy, "key")));
            join(slots.release(policy, "key", second));
            assertEquals(granted(0, LEASE), take(slots, policy, "key"));
            assertEquals(denied(LEASE - 1_000_001, LEASE), take(slots, policy, "key"));
        }
    }

    /** The slots of a dead instance are free exactly one lease time after the last renewal. */
    @Test
    final void slotsOfADeadInstanceExpire() {
        try (TestCase testCase = newTestCase()) {
            Policy policy = concurrent(testCase, "5 concurrent");
            ConcurrencyBackend dying = slots(testCase);
            ConcurrencyBackend living = slots(testCase);
            UUID renewed = UUID.randomUUID();
            UUID alive = UUID.randomUUID();
            for (int i = 0; i < 3; i++) {
                assertTrue(take(dying, policy, "key").allowed());
            }
            assertTrue(join(dying.acquire(policy, "key", renewed)).allowed());
            assertTrue(join(living.acquire(policy, "key", alive)).allowed());
            testCase.clock.advance(Duration.ofSeconds(20));
            assertTrue(join(dying.renew(policy, "key", renewed)));
            assertTrue(join(living.renew(policy, "key", alive)));
            testCase.clock.advance(Duration.ofSeconds(10).minusNanos(1_000));
            assertEquals(denied(1, LEASE - 10_000_000 + 1), take(living, policy, "key"));
            testCase.clock.advance(Duration.ofNanos(1_000));
            assertEquals(3, takeAll(living, policy, "key"));
            assertTrue(join(living.renew(policy, "key", alive)));
            testCase.clock.advance(Duration.ofSeconds(20).minusNanos(1_000));
            assertFalse(take(living, policy, "key").allowed());
            testCase.clock.advance(Duration.ofNanos(1_000));
            assertEquals(1, takeAll(living, policy, "key"));
        }
    }

    /** Uses the shortest lease time. */
    @Test
    final void leaseTimeComesFromThePolicy() {
        try (TestCase testCase = newTestCase()) {
            ConcurrencyBackend slots = slots(testCase);
            Policy policy = concurrent(testCase, "1 concurrent lease 1s");
            assertEquals(granted(0, 1_000_000), take(slots, policy, "key"));
            testCase.clock.advance(Duration.ofSeconds(1).minusNanos(1_000));
            assertEquals(denied(1, 1), take(slots, policy, "key"));
            testCase.clock.advance(Duration.ofNanos(1_000));
            assertEquals(granted(0, 1_000_000), take(slots, policy, "key"));
        }
    }

    private static int takeAll(ConcurrencyBackend slots, Policy policy, String key) {
        int taken = 0;
        while (taken < 1_000 && take(slots, policy, key).allowed()) {
            taken++;
        }
        return taken;
    }

    /** A second release does not free the slot of a later holder. */
    @Test
    final void secondReleaseChangesNothing() {
        try (TestCase testCase = newTestCase()) {
            ConcurrencyBackend slots = slots(testCase);
            Policy policy = concurrent(testCase, "2 concurrent");
            UUID holder = UUID.randomUUID();
            assertTrue(join(slots.acquire(policy, "key", holder)).allowed());
            join(slots.release(policy, "key", holder));
            assertEquals(2, takeAll(slots, policy, "key"));
            join(slots.release(policy, "key", holder));
            join(slots.release(policy, "unused", holder));
            assertEquals(0, takeAll(slots, policy, "key"));
        }
    }

    /** A renewal after the release, or after the lease has expired, fails and takes no slot. */
    @Test
    final void lateRenewalChangesNothing() {
        try (TestCase testCase = newTestCase()) {
            ConcurrencyBackend slots = slots(testCase);
            Policy policy = concurrent(testCase, "2 concurrent");
            UUID released = UUID.randomUUID();
            UUID expired = UUID.randomUUID();
            assertTrue(join(slots.acquire(policy, "key", released)).allowed());
            join(slots.release(policy, "key", released));
            assertFalse(join(slots.renew(policy, "key", released)));
            assertTrue(join(slots.acquire(policy, "key", expired)).allowed());
            testCase.clock.advance(Duration.ofSeconds(30));
            assertFalse(join(slots.renew(policy, "key", expired)));
            assertFalse(join(slots.renew(policy, "unused", expired)));
            assertEquals(granted(2, 0), join(slots.peek(policy, "key")));
            assertEquals(2, takeAll(slots, policy, "key"));
            assertFalse(join(slots.renew(policy, "key", released)));
            join(slots.release(policy, "key", expired));
            assertEquals(0, takeAll(slots, policy, "key"));
        }
    }

    /** A request that the store executes twice takes one slot. */
    @Test
    final void duplicateRequestTakesOneSlot() {
        try (TestCase testCase = newTestCase()) {
            ConcurrencyBackend slots = slots(testCase);
            Policy policy = concurrent(testCase, "2 concurrent");
            UUID holder = UUID.randomUUID();
            assertEquals(granted(1, LEASE), join(slots.acquire(policy, "key", holder)));
            assertEquals(granted(1, LEASE), join(slots.acquire(policy, "key", holder)));
            assertEquals(1, takeAll(slots, policy, "key"));
            assertEquals(granted(0, LEASE), join(slots.acquire(policy, "key", holder)), "a holder is not denied");
            join(slots.release(policy, "key", holder));
            assertEquals(1, takeAll(slots, policy, "key"));
        }
    }

    /** A raised limit applies at once. A lowered one takes no slot from its holder; denials include the extra slots. */
    @Test
    final void changedLimitAppliesAtOnce() {
        try (TestCase testCase = newTestCase()) {
            ConcurrencyBackend slots = slots(testCase);
            Policy policy = concurrent(testCase, "2 concurrent");
            assertEquals(2, takeAll(slots, policy, "key"));
            testCase.clock.advance(Duration.ofSeconds(1));
            Policy raised = changed(policy, "4 concurrent");
            assertEquals(2, takeAll(slots, raised, "key"));
            Policy lowered = changed(policy, "1 concurrent");
            assertEquals(denied(LEASE, LEASE), take(slots, lowered, "key"));
            assertEquals(denied(LEASE, LEASE), take(slots, changed(policy, "2 concurrent"), "key"));
            assertEquals(denied(LEASE - 1_000_000, LEASE), take(slots, changed(policy, "3 concurrent"), "key"));
            testCase.clock.advance(Duration.ofSeconds(29));
            assertEquals(0, takeAll(slots, changed(policy, "2 concurrent"), "key"));
            assertEquals(1, takeAll(slots, changed(policy, "3 concurrent"), "key"));
        }
    }

    /** Keys, policies, and the permits of the same policy and key have separate states; unusual keys too. */
    @ParameterizedTest
    @ValueSource(strings = {"", "a", "a:b", "{a}", "\u0000", "\uD800", "äöü €", "a b\r\nc"})
    final void keysAndPoliciesAreSeparate(String key) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = concurrent(testCase, "2 concurrent; 7/day");
            Policy slotsOnly = policy.concurrencyOnly();
            ConcurrencyBackend slots = slots(testCase);
            assertEquals(2, takeAll(slots, slotsOnly, key));
            assertEquals(2, takeAll(slots, slotsOnly, key + "x"));
            assertEquals(2, takeAll(slots, slotsOnly, (key + "long").repeat(100)));
            assertEquals(2, takeAll(slots, concurrent(testCase, "2 concurrent"), key));
            assertEquals(7, testCase.drain(policy, key, 100));
            testCase.limiter.reset(policy.rateLimitsOnly(), key);
            assertEquals(0, takeAll(slots, slotsOnly, key));
            join(slots.reset(slotsOnly, key));
            assertEquals(2, takeAll(slots, slotsOnly, key));
            assertEquals(0, takeAll(slots, slotsOnly, key + "x"));
        }
    }

    /** The store removes a key with its last holder, and some time after all leases have expired. */
    @Test
    final void keysWithoutHoldersAreRemoved() {
        try (TestCase testCase = newTestCase()) {
            ConcurrencyBackend slots = slots(testCase);
            Policy policy = concurrent(testCase, "2 concurrent lease 1s");
            long before = testCase.store.liveKeys();
            UUID holder = UUID.randomUUID();
            for (int i = 0; i < 200; i++) {
                join(slots.acquire(policy, "key " + i, holder));
            }
            long most = testCase.store.liveKeys();
            assertTrue(most >= before + 200, () -> "The store contains " + most + " keys; 200 are in use.");
            for (int i = 0; i < 100; i++) {
                join(slots.release(policy, "key " + i, holder));
            }
            testCase.store.letPass(testCase.clock, Duration.ofSeconds(2));
            for (int i = 0; i < 100; i++) {
                join(slots.acquire(policy, "passing", holder));
                join(slots.release(policy, "passing", holder));
            }
            testCase.store.letPass(testCase.clock, Duration.ofSeconds(2));
            long after = testCase.store.liveKeys();
            assertTrue(
                    after <= before + 1,
                    () -> "The store contains " + after + " keys; there were " + before + " before.");
        }
    }

    /** Every call costs the round trips of a decision, for new and for used keys. */
    @Test
    final void everyCallCostsTheRoundTripsOfADecision() {
        try (TestCase testCase = newTestCase()) {
            ConcurrencyBackend slots = slots(testCase);
            Policy policy = concurrent(testCase, "1 concurrent");
            UUID holder = UUID.randomUUID();
            long cost = testCase.store.roundTripsPerDecision();
            for (String key : new String[] {"first", "second"}) {
                long before = testCase.store.roundTrips();
                assertTrue(join(slots.acquire(policy, key, holder)).allowed());
                assertEquals(before + cost, testCase.store.roundTrips(), "grant");
                assertFalse(take(slots, policy, key).allowed());
                assertEquals(before + 2 * cost, testCase.store.roundTrips(), "denial");
                assertTrue(join(slots.renew(policy, key, holder)));
                assertEquals(before + 3 * cost, testCase.store.roundTrips(), "renewal");
                assertFalse(join(slots.peek(policy, key)).allowed());
                assertEquals(before + 4 * cost, testCase.store.roundTrips(), "peek");
                join(slots.release(policy, key, holder));
                assertEquals(before + 5 * cost, testCase.store.roundTrips(), "release");
            }
        }
    }

    /** For random calls, every answer equals that of the memory backend. */
    @Test
    final void decidesLikeTheMemoryBackend() {
        for (long seed = 1; seed <= 5; seed++) {
            try (TestCase testCase = newTestCase()) {
                Random random = new Random(seed);
                ConcurrencyBackend slots = slots(testCase);
                ConcurrencyBackend model = new MemoryBackend(testCase.clock, 100).concurrency();
                Policy policy = concurrent(testCase, "1 concurrent");
                List<UUID> holders = random.longs(12)
                        .mapToObj(bits -> new UUID(bits, random.nextLong()))
                        .toList();
                for (int step = 0; step < 150; step++) {
                    testCase.clock.advance(Duration.ofMillis(random.nextInt(700)));
                    Policy now = changed(
                            policy, (1 + random.nextInt(6)) + " concurrent lease " + (1 + random.nextInt(5)) + "s");
                    UUID holder = holders.get(random.nextInt(holders.size()));
                    String which = "seed " + seed + ", step " + step;
                    switch (random.nextInt(6)) {
                        case 0 -> {
                            join(slots.release(now, "key", holder));
                            join(model.release(now, "key", holder));
                        }
                        case 1, 2 -> assertEquals(
                                join(model.renew(now, "key", holder)), join(slots.renew(now, "key", holder)), which);
                        default -> assertEquals(
                                join(model.acquire(now, "key", holder)),
                                join(slots.acquire(now, "key", holder)),
                                which);
                    }
                    assertEquals(join(model.peek(now, "key")), join(slots.peek(now, "key")), which);
                }
            }
        }
    }

    /** Four instances with 64 callers each use one key. All slots are granted, and never more are held. */
    @ParameterizedTest
    @ValueSource(ints = {1, 5, 100})
    final void concurrentCallersHoldAllSlotsAndNeverMore(int limit) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = concurrent(testCase, limit + " concurrent");
            List<ConcurrencyBackend> instances = new ArrayList<>();
            for (int i = 0; i < INSTANCES; i++) {
                instances.add(slots(testCase));
            }
            AtomicLong held = new AtomicLong();
            AtomicLong most = new AtomicLong();
            long granted = ConcurrentCallers.granted(INSTANCES * CALLERS, caller -> {
                ConcurrencyBackend slots = instances.get(caller % INSTANCES);
                long mine = 0;
                for (int round = 0; round < 3; round++) {
                    UUID holder = UUID.randomUUID();
                    if (join(slots.acquire(policy, "key", holder)).allowed()) {
                        most.accumulateAndGet(held.incrementAndGet(), Math::max);
                        mine++;
                        Thread.yield();
                        held.decrementAndGet();
                        join(slots.release(policy, "key", holder));
                    }
                }
                return mine;
            });
            assertTrue(most.get() <= limit, () -> most + " slots were held under a limit of " + limit + ".");
            assertTrue(granted >= limit, () -> granted + " slots were granted under a limit of " + limit + ".");
            assertEquals(
                    limit,
                    ConcurrentCallers.granted(
                            INSTANCES * CALLERS,
                            caller -> take(instances.get(caller % INSTANCES), policy, "key")
                                            .allowed()
                                    ? 1
                                    : 0));
        }
    }

    /** The lease of a limiter renews, loses, regains and releases its slot. */
    @Test
    final void leaseRegainsALostSlotThatIsFree() {
        try (TestCase testCase = newTestCase()) {
            Policy policy = concurrent(testCase, "1 concurrent");
            RateLimiter other = testCase.caller(testCase.clock);
            try (Lease lease = testCase.limiter.lease(policy, "key")) {
                assertTrue(lease.allowed() && lease.isHeld());
                assertFalse(other.lease(policy, "key").allowed());
                testCase.clock.advance(Duration.ofSeconds(20));
                assertTrue(join(lease.renew()));
                testCase.clock.advance(Duration.ofSeconds(40));
                assertTrue(join(lease.renew()), "the slot was lost and is free");
                assertFalse(other.lease(policy, "key").allowed());
                testCase.clock.advance(Duration.ofSeconds(40));
                Lease others = other.lease(policy, "key");
                assertTrue(others.allowed());
                assertFalse(join(lease.renew()));
                assertFalse(lease.isHeld());
                join(others.release());
                assertTrue(join(lease.renew()));
                assertTrue(lease.isHeld());
                join(lease.release());
                join(lease.release());
                assertFalse(lease.isHeld());
                assertFalse(join(lease.renew()));
            }
            try (Lease next = other.lease(policy, "key")) {
                assertTrue(next.allowed());
            }
        }
    }

    /** A policy with rate limits and a concurrency limit grants both a permit and a slot, or neither. */
    @Test
    final void permitsAndSlotsAreGrantedTogether() {
        try (TestCase testCase = newTestCase()) {
            Policy policy = concurrent(testCase, "4/day fixed; 2 concurrent");
            Lease first = testCase.limiter.lease(policy, "key");
            Lease second = testCase.limiter.lease(policy, "key");
            assertTrue(first.allowed() && second.allowed());
            assertEquals(0, testCase.limiter.peek(policy, "key", 1).remaining());
            Lease denied = testCase.limiter.lease(policy, "key");
            assertFalse(denied.allowed());
            assertEquals(2, testCase.status(policy.rateLimitsOnly(), "key").remaining(), "the permit was refunded");
            join(first.release());
            join(second.release());
            for (int i = 0; i < 2; i++) {
                Lease more = testCase.limiter.lease(policy, "key");
                assertTrue(more.allowed());
                join(more.release());
            }
            assertFalse(testCase.limiter.lease(policy, "key").allowed(), "four a day");
            assertEquals(2, testCase.status(policy.concurrencyOnly(), "key").remaining());
        }
    }
}
