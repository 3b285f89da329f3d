package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.limit.ConcurrencyLimit.HoldUntil;
import io.github.micronautratelimit.limit.LimitSet;
import io.github.micronautratelimit.memory.MemoryBackend;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The time for which a slot is held, and what a denied request is told about it. */
class HeldSlotTest {

    private final AtomicLong nanos = new AtomicLong(Long.MAX_VALUE - 5);
    private final MemoryBackend store = new MemoryBackend(() -> 1_789_381_217_300_123L, 100);
    private final HoldTimes times = new HoldTimes();

    private HeldSlot slot(Policy policy) {
        UUID holder = HolderIds.next();
        assertTrue(store.concurrency()
                .acquire(policy, "key", holder)
                .toCompletableFuture()
                .join()
                .allowed());
        return new HeldSlot(store.concurrency(), policy, "key", holder, times, nanos::get, () -> {});
    }

    private long free(Policy policy) {
        return store.concurrency()
                .peek(policy, "key")
                .toCompletableFuture()
                .join()
                .remaining();
    }

    private void pass(Duration time) {
        nanos.addAndGet(time.toNanos());
    }

    @ParameterizedTest
    @CsvSource({"1s", "2s", "10s", "90s", "366d"})
    void slotIsReleasedAfterItsLongestTimeAndNotBefore(String time) {
        Duration atMost =
                Duration.parse(time.endsWith("d") ? "P" + time.toUpperCase(java.util.Locale.ROOT) : "PT" + time);
        Policy policy = Policy.of("p", "2 concurrent").withHoldAtMost(atMost);
        HeldSlot slot = slot(policy);
        pass(atMost.minusNanos(1));
        slot.renewIfDue(nanos.get());
        assertTrue(slot.isHeld());
        assertEquals(1, free(policy));
        pass(Duration.ofNanos(1));
        slot.renewIfDue(nanos.get());
        assertFalse(slot.isHeld());
        assertTrue(slot.isReleased());
        assertEquals(2, free(policy));
        assertFalse(slot.renew().toCompletableFuture().join(), "a released slot is not taken again");
        assertEquals(2, free(policy));
    }

    @Test
    void slotWithoutALongestTimeIsHeldUntilItIsReleased() {
        Policy policy = Policy.of("p", "1 concurrent");
        HeldSlot slot = slot(policy);
        pass(Duration.ofDays(1000));
        slot.renewIfDue(nanos.get());
        assertTrue(slot.isHeld());
        assertEquals(0, free(policy));
    }

    @Test
    void holdIsAPropertyOfTheSlotsOnly() {
        Policy policy = Policy.of("p", "5/s; 2 concurrent")
                .withHoldAtMost(Duration.ofSeconds(7))
                .withHoldUntil(HoldUntil.COMPLETION);
        assertNull(policy.rateLimitsOnly().holdAtMost());
        assertEquals(HoldUntil.RESPONSE, policy.rateLimitsOnly().holdUntil());
        for (Policy same : List.of(
                policy.concurrencyOnly(),
                policy.withLimits(LimitSet.parse("9 concurrent")),
                policy.withOnError(OnError.OPEN).withDeadline(Duration.ZERO).withMaxPrefetch(3))) {
            assertEquals(Duration.ofSeconds(7), same.holdAtMost());
            assertEquals(HoldUntil.COMPLETION, same.holdUntil());
        }
        assertEquals(
                "The policy \"p\" has no concurrency limit, so no slot is held for at most PT7S; add a limit like "
                        + "\"5 concurrent\", or remove the setting.",
                assertThrows(IllegalArgumentException.class, () -> Policy.of("p", "5/s")
                                .withHoldAtMost(Duration.ofSeconds(7)))
                        .getMessage());
        assertEquals(
                "The policy \"p\" has no concurrency limit, so no slot is held until COMPLETION; add a limit like "
                        + "\"5 concurrent\", or remove the setting.",
                assertThrows(IllegalArgumentException.class, () -> Policy.of("p", "5/s")
                                .withHoldUntil(HoldUntil.COMPLETION))
                        .getMessage());
        for (Duration wrong : List.of(Duration.ZERO, Duration.ofMillis(999), Duration.ofDays(367))) {
            assertThrows(IllegalArgumentException.class, () -> Policy.of("p", "5 concurrent")
                    .withHoldAtMost(wrong));
        }
    }

    @Test
    void leaseIsDividedByTheEndOfItsSlots() {
        RateLimiter limiter = RateLimiter.builder(store).unguarded().build();
        Policy short1 = Policy.of("short", "1 concurrent");
        Policy long1 = Policy.of("long", "1 concurrent").withHoldUntil(HoldUntil.COMPLETION);
        try (Lease lease =
                limiter.leaseAll(List.of(new PermitRequest(short1, "key", 1), new PermitRequest(long1, "key", 1)))) {
            assertTrue(lease.allowed());
            lease.heldUntil(HoldUntil.RESPONSE).close();
            assertEquals(1, free(short1));
            assertEquals(0, free(long1));
            lease.heldUntil(HoldUntil.COMPLETION).close();
            assertEquals(1, free(long1));
        }
    }

    // The time to wait

    private static final long LEASE_MICROS = TimeUnit.SECONDS.toMicros(30);

    private static Decision denied(long retryAfter) {
        return new Decision.Denied(0, retryAfter, LEASE_MICROS, List.of(), Decision.Source.STORE);
    }

    @ParameterizedTest
    @CsvSource({"200, 200000", "1500, 1500000", "29999, 29999000", "60000, 30000000", "0, 1000"})
    void deniedRequestWaitsForTheMeanTimeAndAtMostForTheLease(long heldMillis, long waitMicros) {
        Policy policy = Policy.of("p", "1 concurrent");
        assertEquals(denied(LEASE_MICROS), times.estimated(policy, denied(LEASE_MICROS)), "nothing is known yet");
        for (int i = 0; i < 3; i++) {
            HeldSlot slot = slot(policy);
            pass(Duration.ofMillis(heldMillis));
            slot.release();
            slot.release();
        }
        assertEquals(denied(waitMicros), times.estimated(policy, denied(LEASE_MICROS)));
        assertEquals(denied(7), times.estimated(policy, denied(7)), "a lease expires earlier");
        Policy other = Policy.of("other", "1 concurrent");
        assertEquals(denied(LEASE_MICROS), times.estimated(other, denied(LEASE_MICROS)));
    }

    @Test
    void meanFollowsTheRequests() {
        Policy policy = Policy.of("p", "1 concurrent");
        times.released("p", 10_000_000);
        for (int i = 0; i < 100; i++) {
            times.released("p", 1_000_000);
        }
        long wait = times.estimated(policy, denied(LEASE_MICROS)).retryAfterMicros();
        assertTrue(wait >= 1_000_000 && wait < 1_100_000, () -> "waits " + wait);
    }

    @Test
    void requestThatAnotherLimitDeniedSaysNothingAboutTheTime() {
        Policy policy = Policy.of("p", "1 concurrent");
        HeldSlot slot = slot(policy);
        slot.giveBack();
        assertEquals(1, free(policy));
        assertEquals(denied(LEASE_MICROS), times.estimated(policy, denied(LEASE_MICROS)));
    }

    @Test
    void otherFallbacksDecideTheTimeToWaitThemselves() {
        times.released("p", 1_000);
        Decision fallback = new Decision.Denied(0, 1_000_000, 1_000_000, List.of(), Decision.Source.FALLBACK);
        Policy policy = Policy.of("p", "1 concurrent");
        assertEquals(fallback, times.estimated(policy.withOnError(OnError.CLOSED), fallback));
        assertEquals(
                1_000,
                times.estimated(policy.withOnError(OnError.LOCAL), fallback).retryAfterMicros());
    }

    @Test
    void memoryOfTimesIsBounded() {
        for (int i = 0; i < HoldTimes.MAX_POLICIES + 10; i++) {
            times.released("p" + i, 5_000);
        }
        assertEquals(
                5_000,
                times.estimated(Policy.of("p0", "1 concurrent"), denied(LEASE_MICROS))
                        .retryAfterMicros());
        assertEquals(
                LEASE_MICROS,
                times.estimated(Policy.of("p" + HoldTimes.MAX_POLICIES, "1 concurrent"), denied(LEASE_MICROS))
                        .retryAfterMicros());
    }
}
