package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackendException;
import io.github.micronautratelimit.limit.LimitSet;
import io.github.micronautratelimit.tck.FaultyStore.Fault;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletionException;
import java.util.stream.Stream;

/** The cases of {@link FaultContract} about slots: how they are acquired, renewed and released during each fault. */
interface SlotFaultContract {

    /** The slots of every policy. */
    int SLOTS = 20;

    /** A lease that does not expire during a case. */
    String LONG_LEASE = SLOTS + " concurrent lease 5min";

    /** A lease that expires during a case. */
    String SHORT_LEASE = SLOTS + " concurrent lease 1s";

    /**
     * Returns the fixture of the present case.
     *
     * @return the same fixture during a case
     */
    FaultCase faultCase();

    private FaultCase withSlots() {
        assumeTrue(faultCase().store.keepsSlots(), "The store keeps no slots.");
        return faultCase();
    }

    private static Policy policy(String limit, OnError onError) {
        return Policy.of("slot-fault-" + UUID.randomUUID(), LimitSet.parse(limit))
                .withOnError(onError);
    }

    /** A store that decides in spite of the fault must not be late because the machine stalls. */
    private static Policy during(Fault fault, Policy policy) {
        return fault.failsCalls() ? policy : FaultCase.withLongDeadline(policy);
    }

    private static Decision.Source sourceDuring(Fault fault) {
        return fault.failsCalls() ? Decision.Source.FALLBACK : Decision.Source.STORE;
    }

    private static List<UUID> holders(int count) {
        return Stream.generate(UUID::randomUUID).limit(count).toList();
    }

    /** Acquires a slot per holder while the store works. */
    private static List<UUID> holdersInStore(ConcurrencyBackend slots, Policy policy, int count) {
        List<UUID> holders = holders(count);
        for (int i = 0; i < count; i++) {
            Decision decision =
                    FaultCase.join(slots.acquire(FaultCase.withLongDeadline(policy), "key", holders.get(i)));
            assertEquals(Decision.Source.STORE, decision.source());
            assertEquals(SLOTS - 1 - i, decision.remaining());
        }
        return holders;
    }

    private static List<Decision> acquireConcurrently(ConcurrencyBackend slots, Policy policy, int calls) {
        return FaultCase.joinConcurrently(calls, () -> slots.acquire(policy, "key", UUID.randomUUID()));
    }

    private static boolean renew(ConcurrencyBackend slots, Policy policy, UUID holder) {
        return FaultCase.join(slots.renew(FaultCase.withLongDeadline(policy), "key", holder));
    }

    /** Waits until the store counts a number of free slots. */
    private static void awaitFree(ConcurrencyBackend slots, Policy policy, long free) {
        FaultCase.await(free + " slots are free", () -> {
            Decision decision = FaultCase.join(slots.peek(FaultCase.withLongDeadline(policy), "key"));
            return decision.source() == Decision.Source.STORE && decision.remaining() == free;
        });
    }

    /** The policy decides, before the breaker opens and after. */
    @EveryFault
    default void onErrorDecidesOnSlots(Fault fault) {
        FaultCase faulty = withSlots();
        assumeTrue(fault.failsCalls());
        ConcurrencyBackend slots = faulty.guard.concurrency();
        faulty.inject(fault);
        for (OnError onError : OnError.values()) {
            Policy policy = policy(LONG_LEASE, onError);
            long begun = System.nanoTime();
            List<Decision> decisions = new ArrayList<>(acquireConcurrently(slots, policy, FaultCase.CALLS / 2));
            faulty.assertInTime(begun);
            while (decisions.size() < FaultCase.CALLS) {
                decisions.addAll(acquireConcurrently(slots, policy, 1));
            }
            FaultCase.assertSource(Decision.Source.FALLBACK, decisions);
            int granted = onError == OnError.OPEN ? FaultCase.CALLS : onError == OnError.CLOSED ? 0 : SLOTS;
            assertEquals(granted, FaultCase.allowed(decisions), onError::name);
        }
    }

    /** Holders keep their slots, the fallback counts them, and the store still knows them afterwards. */
    @EveryFault
    default void heldSlotsAreKeptDuringAFault(Fault fault) {
        FaultCase faulty = withSlots();
        ConcurrencyBackend slots = faulty.guard.concurrency();
        Policy policy = policy(LONG_LEASE, OnError.LOCAL);
        List<UUID> holders = holdersInStore(slots, policy, 3);
        faulty.inject(fault);
        long failuresBefore = faulty.failures();
        List<Boolean> renewed =
                holders.stream().map(holder -> slots.renew(during(fault, policy), "key", holder)).toList().stream()
                        .map(FaultCase::join)
                        .toList();
        assertEquals(List.of(true, true, true), renewed);
        assertEquals(fault.failsCalls() ? 3 : 0, faulty.failures() - failuresBefore);
        List<Decision> others = acquireConcurrently(slots, during(fault, policy), FaultCase.CALLS);
        FaultCase.assertSource(sourceDuring(fault), others);
        assertEquals(SLOTS - 3, FaultCase.allowed(others));
        faulty.store.heal();
        faulty.awaitRecovery();
        holders.forEach(holder -> assertTrue(renew(slots, policy, holder)));
    }

    /** A release fails if the store does not answer, and is repeated. The slot is free soon after the fault. */
    @EveryFault
    default void slotReleasedDuringAFaultIsFreeAfterIt(Fault fault) {
        FaultCase faulty = withSlots();
        ConcurrencyBackend slots = faulty.guard.concurrency();
        Policy policy = policy(LONG_LEASE, OnError.LOCAL);
        List<UUID> holders = holdersInStore(slots, policy, 3);
        UUID released = holders.get(0);
        faulty.inject(fault);
        if (fault.failsCalls()) {
            CompletionException failure = assertThrows(
                    CompletionException.class, () -> FaultCase.join(slots.release(policy, "key", released)));
            assertInstanceOf(RateLimitBackendException.class, failure.getCause());
        } else {
            FaultCase.join(slots.release(during(fault, policy), "key", released));
        }
        faulty.store.heal();
        faulty.awaitRecovery();
        awaitFree(slots, policy, SLOTS - 2);
        assertFalse(renew(slots, policy, released));
        assertTrue(renew(slots, policy, holders.get(1)));
        assertTrue(renew(slots, policy, holders.get(2)));
    }

    /** A holder that the fallback granted a slot has it in the store after its next renewal. */
    @EveryFault
    default void slotsGrantedDuringAFaultAreRegained(Fault fault) {
        FaultCase faulty = withSlots();
        ConcurrencyBackend slots = faulty.guard.concurrency();
        Policy policy = policy(LONG_LEASE, OnError.LOCAL);
        List<UUID> holders = holders(5);
        faulty.inject(fault);
        List<Decision> decisions =
                holders.stream().map(holder -> slots.acquire(during(fault, policy), "key", holder)).toList().stream()
                        .map(FaultCase::join)
                        .toList();
        FaultCase.assertSource(sourceDuring(fault), decisions);
        assertEquals(5, FaultCase.allowed(decisions));
        faulty.store.heal();
        faulty.awaitRecovery();
        awaitFree(slots, policy, fault.executesCalls() ? SLOTS - 5 : SLOTS);
        for (UUID holder : holders) {
            assertEquals(fault.executesCalls(), renew(slots, policy, holder));
            Decision regained = FaultCase.join(slots.acquire(FaultCase.withLongDeadline(policy), "key", holder));
            assertTrue(regained.allowed());
            assertEquals(Decision.Source.STORE, regained.source());
        }
        awaitFree(slots, policy, SLOTS - 5);
        holders.forEach(holder -> FaultCase.join(slots.release(FaultCase.withLongDeadline(policy), "key", holder)));
        awaitFree(slots, policy, SLOTS);
    }

    /** Slots that the store granted too late are not renewed, so one lease later all slots are free. */
    @EveryFault
    default void lateGrantsExpireWithTheirLease(Fault fault) {
        FaultCase faulty = withSlots();
        assumeTrue(fault.failsCalls());
        ConcurrencyBackend slots = faulty.guard.concurrency();
        Policy policy = policy(SHORT_LEASE, OnError.CLOSED);
        faulty.inject(fault);
        List<Decision> denied = acquireConcurrently(slots, policy, FaultCase.CALLS);
        FaultCase.assertSource(Decision.Source.FALLBACK, denied);
        assertEquals(0, FaultCase.allowed(denied));
        faulty.store.heal();
        faulty.awaitRecovery();
        awaitFree(slots, policy, SLOTS);
        Policy lasting = FaultCase.withLongDeadline(policy.withLimits(LimitSet.parse(LONG_LEASE)));
        List<Decision> granted = acquireConcurrently(slots, lasting, FaultCase.CALLS);
        FaultCase.assertSource(Decision.Source.STORE, granted);
        assertEquals(SLOTS, FaultCase.allowed(granted));
    }
}
