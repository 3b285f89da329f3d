package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.testing.Await;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Policies that charge requests by their outcome. */
class ChargeConditionTest {

    private static final Policy PLAIN = Policy.of("plain", "10/min");

    private final AtomicLong micros = new AtomicLong(1_795_305_600_000_000L);
    private final RateLimiter limiter = RateLimiter.builder(new MemoryBackend(micros::get, 1_000))
            .clock(micros::get)
            .build();

    @ParameterizedTest
    @CsvSource({
        "401, 401, true",
        "401, 400, false",
        "4xx, 400, true",
        "4xx, 499, true",
        "4xx, 399, false",
        "4xx, 500, false",
        "5xx, 599, true",
        "5xx, 600, false",
        "5xx, 1000, false",
        "5xx, 0, false",
        "5xx, -1, false",
    })
    void statusIsListedOrNot(String outcome, int status, boolean listed) {
        assertEquals(listed, ChargeCondition.chargeOn(List.of(outcome)).isCharged(status, null));
        assertEquals(!listed, ChargeCondition.refundOn(List.of(outcome)).isCharged(status, null));
    }

    @Test
    void exceptionClassIsListedWithItsSubclasses() {
        ChargeCondition condition = ChargeCondition.chargeOn(List.of("403", "java.io.IOException"));
        assertTrue(condition.isCharged(0, new IOException()));
        assertTrue(condition.isCharged(500, new FileNotFoundException()));
        assertTrue(condition.isCharged(0, new CompletionException(new IOException())));
        assertTrue(condition.isCharged(403, new IllegalStateException()));
        assertEquals(false, condition.isCharged(500, new IllegalStateException(new IOException())));
        assertEquals(false, condition.isCharged(0, null));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "40", "4010", "601", "6xx", "40x", "401 403", "401-403", "java..io", "a-b", "4XX"})
    void malformedOutcomeIsRejected(String outcome) {
        String message = assertThrows(IllegalArgumentException.class, () -> PLAIN.withChargeOn(List.of(outcome)))
                .getMessage();
        assertEquals(
                "The outcome \"" + outcome + "\" is neither a status nor the name of a class; write a status such as "
                        + "\"401\", a class of statuses such as \"5xx\", or the full name of an exception class.",
                message);
        assertThrows(IllegalArgumentException.class, () -> Policy.requireOutcome(outcome));
    }

    @Test
    void unknownClassAndOtherThanExceptionIsRejected() {
        String unknown = assertThrows(
                        IllegalArgumentException.class, () -> PLAIN.withRefundOn(List.of("com.shop.NoSuchException")))
                .getMessage();
        assertTrue(
                unknown.startsWith("The outcome \"com.shop.NoSuchException\" is not a class of this application;"),
                unknown);
        String other = assertThrows(
                        IllegalArgumentException.class, () -> PLAIN.withRefundOn(List.of("java.lang.String")))
                .getMessage();
        assertTrue(other.startsWith("The outcome \"java.lang.String\" is not an exception class;"), other);
        assertThrows(IllegalArgumentException.class, () -> PLAIN.withChargeOn(List.of()));
    }

    @Test
    void conditionsAreEqualByTheirOutcomes() {
        Policy charged = PLAIN.withChargeOn(List.of("401", "java.io.IOException"));
        Policy same = PLAIN.withChargeOn(List.of("401", "java.io.IOException"));
        assertEquals(charged, same);
        assertEquals(
                ChargeCondition.chargeOn(List.of("401")).hashCode(),
                ChargeCondition.chargeOn(List.of("401")).hashCode());
        assertNotEquals(charged, PLAIN);
        assertNotEquals(charged, PLAIN.withChargeOn(List.of("401")));
        assertNotEquals(charged, PLAIN.withRefundOn(List.of("401", "java.io.IOException")));
        assertTrue(charged.hasExceptionOutcomes());
        assertEquals(false, PLAIN.withChargeOn(List.of("401")).hasExceptionOutcomes());
        assertEquals(false, PLAIN.hasExceptionOutcomes());
    }

    @Test
    void policyWithoutRateLimitsChargesNothing() {
        Policy slots = Policy.of("slots", "2 concurrent");
        String message = assertThrows(IllegalArgumentException.class, () -> slots.withChargeOn(List.of("401")))
                .getMessage();
        assertEquals(
                "The policy \"slots\" has only the limit 2 concurrent, which charges nothing, so charge-on: 401 does "
                        + "not apply; remove it.",
                message);
        Policy both = Policy.of("both", "5/min; 2 concurrent").withRefundOn(List.of("5xx"));
        assertEquals("refund-on: 5xx", both.outcomes());
        assertEquals("refund-on: 5xx", both.rateLimitsOnly().outcomes());
        assertNull(both.concurrencyOnly().outcomes());
        assertEquals(
                "refund-on: 5xx",
                both.withLimits(Policy.of("x", "9/min").rateLimits()).outcomes());
    }

    @Test
    void outcomeGivesBackUnderThePoliciesThatItDoesNotCost() {
        Policy failures = Policy.of("failures", "5/min").withChargeOn(List.of("401"));
        Policy work = Policy.of("work", "7/min").withRefundOn(List.of("5xx"));
        limiter.counts();
        Decisions decisions = limiter.tryAcquireAll(List.of(
                new PermitRequest(PLAIN, "a", 2),
                new PermitRequest(failures, "a", 2),
                new PermitRequest(work, "a", 2)));
        assertEquals(List.of(8L, 3L, 5L), remaining(decisions));

        Decisions after = limiter.async().applyOutcome(decisions, 200, null);
        assertEquals(List.of(8L, 5L, 5L), remaining(after));
        assertEquals(List.of(8L, 5L, 5L), List.of(left(PLAIN), left(failures), left(work)));
        assertEquals(List.of(0L, 2L, 0L), List.of(refunded("plain"), refunded("failures"), refunded("work")));
        assertSame(decisions, limiter.async().applyOutcome(decisions, 401, null));
    }

    @ParameterizedTest
    @CsvSource({"0, 5", "12000000, 5", "60000000, 5", "3600000000, 5"})
    void lateOutcomeOpensNoRoom(long late, long room) {
        Policy failures = Policy.of("failures", "5/min").withChargeOn(List.of("401"));
        Decisions decisions = limiter.tryAcquireAll(List.of(new PermitRequest(failures, "a", 1)));
        micros.addAndGet(late);
        limiter.async().applyOutcome(decisions, 200, null);
        for (int i = 0; i < room; i++) {
            assertTrue(limiter.tryAcquire(failures, "a").allowed());
        }
        assertEquals(false, limiter.tryAcquire(failures, "a").allowed());
    }

    @Test
    void deniedRequestGivesNothingBack() {
        Policy failures = Policy.of("failures", "5/min").withChargeOn(List.of("401"));
        Policy one = Policy.of("one", "1/min");
        assertTrue(limiter.tryAcquire(failures, "a", 3).allowed());
        assertTrue(limiter.tryAcquire(one, "a").allowed());
        Decisions denied =
                limiter.tryAcquireAll(List.of(new PermitRequest(failures, "a", 1), new PermitRequest(one, "a", 1)));
        assertEquals(false, denied.allowed());
        assertSame(denied, limiter.async().applyOutcome(denied, 429, null));
        assertEquals(2, left(failures));
    }

    @Test
    void failingRefundChangesNoAnswer() {
        Policy failures = Policy.of("failures", "5/min").withChargeOn(List.of("401"));
        RateLimiter broken = RateLimiter.builder(new ForwardingBackend(new MemoryBackend(micros::get, 1_000)) {
                    @Override
                    public boolean isLocal() {
                        return true;
                    }

                    @Override
                    public java.util.concurrent.CompletionStage<Void> refund(
                            Policy policy, String key, long permits, long chargedAtMicros) {
                        throw new IllegalStateException("down");
                    }
                })
                .clock(micros::get)
                .build();
        Decisions decisions = broken.tryAcquireAll(List.of(new PermitRequest(failures, "a", 1)));
        assertEquals(List.of(5L), remaining(broken.async().applyOutcome(decisions, 200, null)));
        assertEquals(4, Await.result(broken.async().peek(failures, "a", 0)).remaining());
    }

    private static List<Long> remaining(Decisions decisions) {
        return decisions.list().stream().map(Decision::remaining).toList();
    }

    private long left(Policy policy) {
        return limiter.peek(policy, "a", 0).remaining();
    }

    private @Nullable Long refunded(String policy) {
        return limiter.counts().all().stream()
                .filter(series -> series.policy().equals(policy) && series.allowed())
                .mapToLong(DecisionCounts.Series::refundedPermits)
                .sum();
    }
}
