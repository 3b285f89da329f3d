package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

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

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.LeaseBackend;
import io.github.micronautratelimit.Limits;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.memory.MemoryBackend;

/**
 * What a backend must keep to that keeps the places of concurrency limits: extend this class, say how the store is
 * reached, and run it. See {@link LeaseBackend}.
 *
 * <p>Instances that die are holders nobody renews any more: that is all a store sees of a death.
 */
public abstract class LeaseContract {

    private static final long LEASE = 30_000_000;
    private static final int INSTANCES = 4;
    private static final int CALLERS = 64;

    /** For subclasses. */
    protected LeaseContract() {
    }

    /**
     * Opens the store under test.
     *
     * @return a new instance; the test case closes it
     */
    protected abstract BackendUnderTest open();

    private Trial trial() {
        return new Trial(open());
    }

    private static Policy concurrent(Trial trial, String limits) {
        return new Policy(trial.policy("1/s").name(), Limits.parse(limits), OnError.CLOSED);
    }

    private static Policy changed(Policy policy, String limits) {
        return policy.withLimits(Limits.parse(limits));
    }

    private static LeaseBackend leases(Trial trial) {
        return trial.store.connect(trial.clock).leases();
    }

    private static <T> T join(CompletionStage<T> stage) {
        return stage.toCompletableFuture().orTimeout(60, TimeUnit.SECONDS).join();
    }

    private static Decision take(LeaseBackend leases, Policy policy, String key) {
        return join(leases.acquire(policy, key, UUID.randomUUID()));
    }

    private static Decision granted(long remaining, long resetAfter) {
        return new Decision.Allowed(remaining, resetAfter, Decision.Source.STORE);
    }

    private static Decision denied(long retryAfter, long resetAfter) {
        return new Decision.Denied(0, retryAfter, resetAfter, List.of(), Decision.Source.STORE);
    }

    /** All can be had and no more; who is denied learns when the first of them expires, and one given back is had again. */
    @Test
    final void thereAreSoManyPlacesAndNoMore() {
        try (Trial trial = trial()) {
            LeaseBackend leases = leases(trial);
            Policy policy = concurrent(trial, "3 concurrent");
            UUID second = UUID.randomUUID();
            assertEquals(granted(3, 0), join(leases.peek(policy, "key")));
            assertEquals(granted(2, LEASE), take(leases, policy, "key"));
            trial.clock.advance(Duration.ofNanos(1_000));
            assertEquals(granted(1, LEASE), join(leases.acquire(policy, "key", second)));
            trial.clock.advance(Duration.ofSeconds(1));
            assertEquals(granted(1, LEASE - 1_000_000), join(leases.peek(policy, "key")));
            assertEquals(granted(0, LEASE), take(leases, policy, "key"));
            assertEquals(denied(LEASE - 1_000_001, LEASE), take(leases, policy, "key"));
            assertEquals(denied(LEASE - 1_000_001, LEASE), join(leases.peek(policy, "key")));
            join(leases.release(policy, "key", second));
            assertEquals(granted(0, LEASE), take(leases, policy, "key"));
            assertEquals(denied(LEASE - 1_000_001, LEASE), take(leases, policy, "key"));
        }
    }

    /** What an instance held that has died comes free one lease time after it was renewed last, not a microsecond before. */
    @Test
    final void thePlacesOfAnInstanceThatDiesComeFree() {
        try (Trial trial = trial()) {
            Policy policy = concurrent(trial, "5 concurrent");
            LeaseBackend dying = leases(trial);
            LeaseBackend living = leases(trial);
            UUID renewed = UUID.randomUUID();
            UUID alive = UUID.randomUUID();
            for (int i = 0; i < 3; i++) {
                assertTrue(take(dying, policy, "key").allowed());
            }
            assertTrue(join(dying.acquire(policy, "key", renewed)).allowed());
            assertTrue(join(living.acquire(policy, "key", alive)).allowed());
            trial.clock.advance(Duration.ofSeconds(20));
            assertTrue(join(dying.renew(policy, "key", renewed)));
            assertTrue(join(living.renew(policy, "key", alive)));
            trial.clock.advance(Duration.ofSeconds(10).minusNanos(1_000));
            assertEquals(denied(1, LEASE - 10_000_000 + 1), take(living, policy, "key"));
            trial.clock.advance(Duration.ofNanos(1_000));
            assertEquals(3, takeAll(living, policy, "key"));
            assertTrue(join(living.renew(policy, "key", alive)));
            trial.clock.advance(Duration.ofSeconds(20).minusNanos(1_000));
            assertFalse(take(living, policy, "key").allowed());
            trial.clock.advance(Duration.ofNanos(1_000));
            assertEquals(1, takeAll(living, policy, "key"));
        }
    }

    /** With the shortest lease time too, which the limit's text says. */
    @Test
    final void theLeaseTimeIsThePolicys() {
        try (Trial trial = trial()) {
            LeaseBackend leases = leases(trial);
            Policy policy = concurrent(trial, "1 concurrent lease 1s");
            assertEquals(granted(0, 1_000_000), take(leases, policy, "key"));
            trial.clock.advance(Duration.ofSeconds(1).minusNanos(1_000));
            assertEquals(denied(1, 1), take(leases, policy, "key"));
            trial.clock.advance(Duration.ofNanos(1_000));
            assertEquals(granted(0, 1_000_000), take(leases, policy, "key"));
        }
    }

    private static int takeAll(LeaseBackend leases, Policy policy, String key) {
        int taken = 0;
        while (taken < 1_000 && take(leases, policy, key).allowed()) {
            taken++;
        }
        return taken;
    }

    /** To release twice, after others have taken the place, takes it from nobody. */
    @Test
    final void aSecondReleaseChangesNothing() {
        try (Trial trial = trial()) {
            LeaseBackend leases = leases(trial);
            Policy policy = concurrent(trial, "2 concurrent");
            UUID holder = UUID.randomUUID();
            assertTrue(join(leases.acquire(policy, "key", holder)).allowed());
            join(leases.release(policy, "key", holder));
            assertEquals(2, takeAll(leases, policy, "key"));
            join(leases.release(policy, "key", holder));
            join(leases.release(policy, "never asked for", holder));
            assertEquals(0, takeAll(leases, policy, "key"));
        }
    }

    /** A renewal that comes after the release, or too late, says so and holds nothing. */
    @Test
    final void aLateRenewalChangesNothing() {
        try (Trial trial = trial()) {
            LeaseBackend leases = leases(trial);
            Policy policy = concurrent(trial, "2 concurrent");
            UUID released = UUID.randomUUID();
            UUID expired = UUID.randomUUID();
            assertTrue(join(leases.acquire(policy, "key", released)).allowed());
            join(leases.release(policy, "key", released));
            assertFalse(join(leases.renew(policy, "key", released)));
            assertTrue(join(leases.acquire(policy, "key", expired)).allowed());
            trial.clock.advance(Duration.ofSeconds(30));
            assertFalse(join(leases.renew(policy, "key", expired)));
            assertFalse(join(leases.renew(policy, "never asked for", expired)));
            assertEquals(granted(2, 0), join(leases.peek(policy, "key")));
            assertEquals(2, takeAll(leases, policy, "key"));
            assertFalse(join(leases.renew(policy, "key", released)));
            join(leases.release(policy, "key", expired));
            assertEquals(0, takeAll(leases, policy, "key"));
        }
    }

    /** A request that the store gets twice takes one place. */
    @Test
    final void aDoubledRequestTakesOnePlace() {
        try (Trial trial = trial()) {
            LeaseBackend leases = leases(trial);
            Policy policy = concurrent(trial, "2 concurrent");
            UUID holder = UUID.randomUUID();
            assertEquals(granted(1, LEASE), join(leases.acquire(policy, "key", holder)));
            assertEquals(granted(1, LEASE), join(leases.acquire(policy, "key", holder)));
            assertEquals(1, takeAll(leases, policy, "key"));
            assertEquals(granted(0, LEASE), join(leases.acquire(policy, "key", holder)), "who holds a place is not denied");
            join(leases.release(policy, "key", holder));
            assertEquals(1, takeAll(leases, policy, "key"));
        }
    }

    /** A raised limit holds at once; a lowered one takes nobody's place, and tells when so many will have expired. */
    @Test
    final void aChangedLimitHoldsAtOnce() {
        try (Trial trial = trial()) {
            LeaseBackend leases = leases(trial);
            Policy policy = concurrent(trial, "2 concurrent");
            assertEquals(2, takeAll(leases, policy, "key"));
            trial.clock.advance(Duration.ofSeconds(1));
            Policy raised = changed(policy, "4 concurrent");
            assertEquals(2, takeAll(leases, raised, "key"));
            Policy lowered = changed(policy, "1 concurrent");
            assertEquals(denied(LEASE, LEASE), take(leases, lowered, "key"));
            assertEquals(denied(LEASE, LEASE), take(leases, changed(policy, "2 concurrent"), "key"));
            assertEquals(denied(LEASE - 1_000_000, LEASE), take(leases, changed(policy, "3 concurrent"), "key"));
            trial.clock.advance(Duration.ofSeconds(29));
            assertEquals(0, takeAll(leases, changed(policy, "2 concurrent"), "key"));
            assertEquals(1, takeAll(leases, changed(policy, "3 concurrent"), "key"));
        }
    }

    /** Keys, policies, and the permits of the same policy and key know nothing of each other; neither do strange keys. */
    @ParameterizedTest
    @ValueSource(strings = {"", "a", "a:b", "{a}", "\u0000", "\uD800", "äöü €", "a b\r\nc"})
    final void keysAndPoliciesKeepApart(String key) {
        try (Trial trial = trial()) {
            Policy policy = concurrent(trial, "2 concurrent; 7/day");
            Policy places = policy.concurrencyOnly();
            LeaseBackend leases = leases(trial);
            assertEquals(2, takeAll(leases, places, key));
            assertEquals(2, takeAll(leases, places, key + "x"));
            assertEquals(2, takeAll(leases, places, (key + "long").repeat(100)));
            assertEquals(2, takeAll(leases, concurrent(trial, "2 concurrent"), key));
            assertEquals(7, trial.drain(policy, key, 100));
            trial.limiter.reset(policy.ratesOnly(), key);
            assertEquals(0, takeAll(leases, places, key));
            join(leases.reset(places, key));
            assertEquals(2, takeAll(leases, places, key));
            assertEquals(0, takeAll(leases, places, key + "x"));
        }
    }

    /** The store forgets a key with its last holder; and if the holders die, a while after them. */
    @Test
    final void keysAreForgottenWithTheirHolders() {
        try (Trial trial = trial()) {
            LeaseBackend leases = leases(trial);
            Policy policy = concurrent(trial, "2 concurrent lease 1s");
            long before = trial.store.liveKeys();
            UUID holder = UUID.randomUUID();
            for (int i = 0; i < 200; i++) {
                join(leases.acquire(policy, "key " + i, holder));
            }
            long most = trial.store.liveKeys();
            assertTrue(most >= before + 200, () -> "200 keys are in use, and " + most + " live.");
            for (int i = 0; i < 100; i++) {
                join(leases.release(policy, "key " + i, holder));
            }
            trial.store.letPass(trial.clock, Duration.ofSeconds(2));
            for (int i = 0; i < 100; i++) {
                join(leases.acquire(policy, "passing", holder));
                join(leases.release(policy, "passing", holder));
            }
            trial.store.letPass(trial.clock, Duration.ofSeconds(2));
            long after = trial.store.liveKeys();
            assertTrue(after <= before + 1, () -> before + " keys lived before, " + after + " after.");
        }
    }

    /** Each step costs what a decision costs, on first use and later. */
    @Test
    final void eachStepCostsOneDecision() {
        try (Trial trial = trial()) {
            LeaseBackend leases = leases(trial);
            Policy policy = concurrent(trial, "1 concurrent");
            UUID holder = UUID.randomUUID();
            long cost = trial.store.roundTripsPerDecision();
            for (String key : new String[] {"first", "second"}) {
                long before = trial.store.roundTrips();
                assertTrue(join(leases.acquire(policy, key, holder)).allowed());
                assertEquals(before + cost, trial.store.roundTrips(), "grant");
                assertFalse(take(leases, policy, key).allowed());
                assertEquals(before + 2 * cost, trial.store.roundTrips(), "denial");
                assertTrue(join(leases.renew(policy, key, holder)));
                assertEquals(before + 3 * cost, trial.store.roundTrips(), "renewal");
                assertFalse(join(leases.peek(policy, key)).allowed());
                assertEquals(before + 4 * cost, trial.store.roundTrips(), "look");
                join(leases.release(policy, key, holder));
                assertEquals(before + 5 * cost, trial.store.roundTrips(), "release");
            }
        }
    }

    /** Whatever is done in whatever order, every answer is the one memory gives. */
    @Test
    final void everyAnswerIsTheOneOfTheModel() {
        for (long seed = 1; seed <= 5; seed++) {
            try (Trial trial = trial()) {
                Random random = new Random(seed);
                LeaseBackend leases = leases(trial);
                LeaseBackend model = new MemoryBackend(trial.clock, 100).leases();
                Policy policy = concurrent(trial, "1 concurrent");
                List<UUID> holders = random.longs(12).mapToObj(bits -> new UUID(bits, random.nextLong())).toList();
                for (int step = 0; step < 150; step++) {
                    trial.clock.advance(Duration.ofMillis(random.nextInt(700)));
                    Policy now = changed(policy, (1 + random.nextInt(6)) + " concurrent lease " + (1 + random.nextInt(5)) + "s");
                    UUID holder = holders.get(random.nextInt(holders.size()));
                    String which = "seed " + seed + ", step " + step;
                    switch (random.nextInt(6)) {
                        case 0 -> {
                            join(leases.release(now, "key", holder));
                            join(model.release(now, "key", holder));
                        }
                        case 1, 2 -> assertEquals(join(model.renew(now, "key", holder)),
                                join(leases.renew(now, "key", holder)), which);
                        default -> assertEquals(join(model.acquire(now, "key", holder)),
                                join(leases.acquire(now, "key", holder)), which);
                    }
                    assertEquals(join(model.peek(now, "key")), join(leases.peek(now, "key")), which);
                }
            }
        }
    }

    /** Four instances with 64 callers each on one key: all places are had, and never more are held than there are. */
    @ParameterizedTest
    @ValueSource(ints = {1, 5, 100})
    final void aCrowdHoldsAllPlacesAndNeverMore(int places) {
        try (Trial trial = trial()) {
            Policy policy = concurrent(trial, places + " concurrent");
            List<LeaseBackend> instances = new ArrayList<>();
            for (int i = 0; i < INSTANCES; i++) {
                instances.add(leases(trial));
            }
            AtomicLong held = new AtomicLong();
            AtomicLong most = new AtomicLong();
            long granted = Crowd.granted(INSTANCES * CALLERS, caller -> {
                LeaseBackend leases = instances.get(caller % INSTANCES);
                long mine = 0;
                for (int round = 0; round < 3; round++) {
                    UUID holder = UUID.randomUUID();
                    if (join(leases.acquire(policy, "key", holder)).allowed()) {
                        most.accumulateAndGet(held.incrementAndGet(), Math::max);
                        mine++;
                        Thread.yield();
                        held.decrementAndGet();
                        join(leases.release(policy, "key", holder));
                    }
                }
                return mine;
            });
            assertTrue(most.get() <= places, () -> most + " held " + places + " places.");
            assertTrue(granted >= places, () -> granted + " were granted.");
            assertEquals(places, Crowd.granted(INSTANCES * CALLERS, caller ->
                    take(instances.get(caller % INSTANCES), policy, "key").allowed() ? 1 : 0));
        }
    }

    /** A limiter's lease renews, loses, regains and releases its place. */
    @Test
    final void aLeaseRegainsWhatItLostIfThereIsRoom() {
        try (Trial trial = trial()) {
            Policy policy = concurrent(trial, "1 concurrent");
            RateLimiter other = trial.caller(trial.clock);
            try (Lease lease = trial.limiter.lease(policy, "key")) {
                assertTrue(lease.allowed() && lease.isHeld());
                assertFalse(other.lease(policy, "key").allowed());
                trial.clock.advance(Duration.ofSeconds(20));
                assertTrue(join(lease.renew()));
                trial.clock.advance(Duration.ofSeconds(40));
                assertTrue(join(lease.renew()), "it was lost, and nobody had it");
                assertFalse(other.lease(policy, "key").allowed());
                trial.clock.advance(Duration.ofSeconds(40));
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

    /** A policy that limits how often and how many at once grants both or neither. */
    @Test
    final void permitsAndPlacesAreGrantedTogether() {
        try (Trial trial = trial()) {
            Policy policy = concurrent(trial, "4/day fixed; 2 concurrent");
            Lease first = trial.limiter.lease(policy, "key");
            Lease second = trial.limiter.lease(policy, "key");
            assertTrue(first.allowed() && second.allowed());
            assertEquals(0, trial.limiter.peek(policy, "key", 1).remaining());
            Lease denied = trial.limiter.lease(policy, "key");
            assertFalse(denied.allowed());
            assertEquals(2, trial.standing(policy.ratesOnly(), "key").remaining(), "the permit was given back");
            join(first.release());
            join(second.release());
            for (int i = 0; i < 2; i++) {
                Lease more = trial.limiter.lease(policy, "key");
                assertTrue(more.allowed());
                join(more.release());
            }
            assertFalse(trial.limiter.lease(policy, "key").allowed(), "four a day");
            assertEquals(2, trial.standing(policy.concurrencyOnly(), "key").remaining());
        }
    }
}
