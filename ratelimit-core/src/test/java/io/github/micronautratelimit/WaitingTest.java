package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.limit.TokenBucket;
import io.github.micronautratelimit.testing.LedgerStore;
import io.github.micronautratelimit.testing.RecordingListener;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Callers of one key that wait in turn, in virtual time. */
class WaitingTest {

    private static final Duration LONG = Duration.ofMinutes(1);
    private static final Policy TEN = Policy.of("ten", "10/s");

    private final VirtualWaiting time = new VirtualWaiting();
    private final LedgerStore store = new LedgerStore(time::micros);
    private final RateLimiter limiter = time.builder(alone(store)).unguarded().build();

    /** A store that no other instance uses, so that nothing is left to chance. */
    private static RateLimitBackend alone(RateLimitBackend store) {
        return new ForwardingBackend(store) {
            @Override
            public boolean isLocal() {
                return true;
            }
        };
    }

    private CompletableFuture<Decision> acquire(String caller, Policy policy, long permits, Duration maxWait) {
        return time.record(caller, limiter.async().acquire(policy, "key", permits, maxWait));
    }

    private void spend(Policy policy, long permits) {
        assertTrue(limiter.tryAcquire(policy, "key", permits).allowed());
    }

    @Test
    void callersAreGrantedInTheirOrderAtTheEarliestInstants() {
        spend(TEN, 10);
        for (int i = 0; i < 4; i++) {
            acquire("c" + i, TEN, 1, LONG);
        }
        assertEquals(List.of(), time.decided());
        assertEquals(4, limiter.stats().waiting());
        time.passMillis(1_000);
        assertEquals(List.of("c0 granted 100", "c1 granted 200", "c2 granted 300", "c3 granted 400"), time.decided());
        assertEquals(0, limiter.stats().waiting());
    }

    @Test
    void oneCallServesAllCallersWhosePermitsComeTogether() {
        Policy window = Policy.of("window", "5/s fixed");
        spend(window, 5);
        for (int i = 0; i < 12; i++) {
            acquire("c" + i, window, 1, LONG);
        }
        long before = store.calls();
        time.passMillis(5_000);
        assertEquals(
                12,
                time.decided().stream().filter(text -> text.contains("granted")).count());
        // The store has no batch call of its own, so each caller counts.
        assertEquals(12, store.calls() - before);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"10/s", "20/s burst 4", "7/s", "5/s fixed", "8/s sliding", "10/s; 30/min fixed", "4/s; 9/s fixed"
            })
    void grantsComeAtTheFirstInstantAtWhichTheLimitsGrantThem(String limits) {
        Policy policy = Policy.of("random", limits);
        Random random = new Random(7);
        List<Long> costs = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            costs.add(1L + random.nextInt((int) policy.capacity()));
        }
        List<Long> granted = new ArrayList<>();
        for (long cost : costs) {
            limiter.async()
                    .acquire(policy, "key", cost, Duration.ofHours(1))
                    .thenAccept(decision -> granted.add(decision.allowed() ? time.elapsedMicros() : -1));
        }
        time.passMillis(3_000_000);
        assertEquals(60, granted.size());
        List<Long> expected = firstInstants(policy.rateLimits(), costs);
        for (int i = 0; i < 60; i++) {
            // Up to a microsecond each for the rounding of the time until several permits come free.
            long late = granted.get(i) - expected.get(i);
            assertTrue(late >= 0 && late <= 10, "Granted at " + granted + " instead of " + expected);
        }
    }

    /** Charges one cost after the other at the first instant at which the state admits it. */
    private static List<Long> firstInstants(List<Limit> limits, List<Long> costs) {
        List<Long> instants = new ArrayList<>();
        long now = VirtualWaiting.EPOCH_MICROS;
        LimitState state = null;
        for (long cost : costs) {
            state = LimitState.carryOver(limits, state, now);
            while (!state.admits(cost)) {
                now += state.retryAfter(cost, now);
                state = LimitState.carryOver(limits, state, now);
            }
            state = state.charge(cost);
            instants.add(now - VirtualWaiting.EPOCH_MICROS);
        }
        return instants;
    }

    @Test
    void cheapRequestsDoNotOvertakeAnExpensiveOne() {
        spend(TEN, 10);
        acquire("large", TEN, 5, LONG);
        acquire("small", TEN, 1, LONG);
        acquire("larger", TEN, 2, LONG);
        time.passMillis(1_000);
        assertEquals(List.of("large granted 500", "small granted 600", "larger granted 800"), time.decided());
    }

    @Test
    void maxWaitEqualToTheWaitIsLongEnough() {
        spend(TEN, 10);
        acquire("late", TEN, 1, Duration.ofMillis(100).minusNanos(1_000));
        acquire("in time", TEN, 1, Duration.ofMillis(100));
        acquire("behind", TEN, 1, Duration.ofMillis(200).minusNanos(1_000));
        acquire("last", TEN, 1, Duration.ofMillis(200));
        assertEquals(List.of("late denied 0", "behind denied 0"), time.decided());
        time.passMillis(1_000);
        assertEquals(List.of("in time granted 100", "last granted 200"), time.decided());
    }

    @Test
    void retryAfterOfADenialCountsTheCallersAhead() {
        spend(TEN, 10);
        acquire("first", TEN, 1, LONG);
        acquire("second", TEN, 3, LONG);
        Decision denied = acquire("third", TEN, 2, Duration.ofMillis(599)).join();
        assertEquals(600_000, denied.retryAfterMicros());
        assertEquals(TEN.rateLimits(), denied.deniedBy());
        assertEquals(Decision.Source.DENY_CACHE, denied.source());
    }

    @Test
    void waitOfZeroIsTryAcquire() {
        spend(TEN, 10);
        assertEquals(
                limiter.tryAcquire(TEN, "key", 1),
                acquire("zero", TEN, 1, Duration.ZERO).join());
        acquire("waiting", TEN, 1, LONG);
        time.passMillis(50);
        assertEquals(50_000, acquire("zero", TEN, 1, Duration.ZERO).join().retryAfterMicros());
    }

    @Test
    void requestBeyondTheCapacityIsDeniedAtOnceAlsoBehindOthers() {
        assertEquals(LimitState.NEVER, acquire("alone", TEN, 11, LONG).join().retryAfterMicros());
        spend(TEN, 10);
        acquire("waiting", TEN, 1, LONG);
        assertEquals(LimitState.NEVER, acquire("behind", TEN, 11, LONG).join().retryAfterMicros());
        assertTrue(acquire("nothing", TEN, 0, LONG).join().allowed());
    }

    @Test
    void waitOutOfRangeIsRejected() {
        for (Duration wait : List.of(Duration.ofMillis(-1), Duration.ofHours(1).plusNanos(1))) {
            assertEquals(
                    "A caller waits at most " + wait + "; write 0 to not wait, or at most 1 hour.",
                    assertThrows(IllegalArgumentException.class, () -> limiter.async()
                                    .acquire(TEN, "key", 1, wait))
                            .getMessage());
            assertThrows(IllegalArgumentException.class, () -> limiter.acquire(TEN, "key", 1, wait));
            assertThrows(IllegalArgumentException.class, () -> limiter.async().acquireAll(List.of(), wait));
            assertThrows(IllegalArgumentException.class, () -> limiter.async().leaseAll(List.of(), wait));
        }
        assertTrue(acquire("longest", TEN, 1, Duration.ofHours(1)).join().allowed());
    }

    @Test
    void callersThatCancelLeaveTheQueueAndAreNotCharged() {
        spend(TEN, 10);
        List<CompletableFuture<Decision>> callers = IntStream.range(0, 6)
                .mapToObj(i -> acquire("c" + i, TEN, 1, LONG))
                .toList();
        callers.get(0).cancel(true);
        callers.get(2).cancel(false);
        callers.get(5).completeExceptionally(new IllegalStateException("the caller waits no longer"));
        assertEquals(3, limiter.stats().waiting());
        time.passMillis(2_000);
        assertEquals(List.of("c1 granted 100", "c3 granted 200", "c4 granted 300"), time.decided());
        assertEquals(13, store.charged());
    }

    @Test
    void cheaperRequestBehindACancelledOneIsGrantedEarlier() {
        spend(TEN, 10);
        CompletableFuture<Decision> large = acquire("large", TEN, 9, LONG);
        acquire("small", TEN, 1, LONG);
        time.passMillis(50);
        large.cancel(true);
        time.passMillis(1_000);
        assertEquals(List.of("small granted 100"), time.decided());
    }

    @Test
    void futureWithATimeoutLeavesTheQueue() {
        spend(TEN, 10);
        CompletableFuture<Decision> caller = acquire("c", TEN, 1, LONG);
        caller.complete(new Decision.Allowed(0, 0, Decision.Source.STORE));
        assertEquals(0, limiter.stats().waiting());
        time.passMillis(1_000);
        assertEquals(10, store.charged());
    }

    @Test
    void callersBeyondTheBoundsAreDeniedAtOnce() {
        RateLimiter bounded =
                time.builder(alone(store)).unguarded().maxWaiting(2, 3).build();
        spend(TEN, 10);
        assertTrue(limiter.tryAcquire(TEN, "other", 10).allowed());
        List<CompletableFuture<Decision>> callers = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            callers.add(bounded.async().acquire(TEN, "key", 1, LONG).toCompletableFuture());
        }
        for (int i = 0; i < 2; i++) {
            callers.add(bounded.async().acquire(TEN, "other", 1, LONG).toCompletableFuture());
        }
        assertEquals(
                List.of(false, false, true, false, true),
                callers.stream().map(CompletableFuture::isDone).toList());
        assertEquals(300_000, callers.get(2).join().retryAfterMicros());
        assertEquals(200_000, callers.get(4).join().retryAfterMicros());
        RateLimiter none =
                time.builder(alone(store)).unguarded().maxWaiting(0, 0).build();
        assertEquals(limiter.tryAcquire(TEN, "key", 1), none.acquire(TEN, "key", 1, LONG));
        assertThrows(
                IllegalArgumentException.class, () -> time.builder(alone(store)).maxWaiting(-1, 0));
        assertThrows(
                IllegalArgumentException.class, () -> time.builder(alone(store)).maxWaiting(0, -1));
    }

    @Test
    void closedLimiterDeniesItsWaitingCallers() {
        spend(TEN, 10);
        acquire("first", TEN, 1, LONG);
        acquire("second", TEN, 1, LONG);
        time.passMillis(10);
        limiter.close();
        assertEquals(List.of("first denied 10", "second denied 10"), time.decided());
        assertEquals(0, limiter.stats().waiting());
        acquire("later", TEN, 1, LONG);
        assertEquals(List.of("later denied 10"), time.decided());
        time.passMillis(1_000);
        assertEquals(10, store.charged());
    }

    @Test
    void threadAndQueueEndWithTheLastCaller() {
        spend(TEN, 10);
        acquire("c", TEN, 1, LONG);
        time.passMillis(50);
        assertEquals(1, time.scheduler.threads());
        time.passMillis(5_000);
        assertEquals(0, time.scheduler.threads());
        spend(TEN, 10);
        acquire("d", TEN, 1, LONG);
        time.passMillis(100);
        assertEquals(List.of("c granted 100", "d granted 5150"), time.decided());
    }

    @Test
    void clockThatJumpsAheadGrantsWithTheNextAttempt() {
        spend(TEN, 10);
        acquire("first", TEN, 1, LONG);
        acquire("second", TEN, 1, LONG);
        time.moveClock(Duration.ofHours(2));
        time.passMillis(100);
        assertEquals(List.of("first granted 100", "second granted 100"), time.decided());
    }

    @Test
    void clockThatStandsStillDelaysGrantsWithoutIdleAttempts() {
        spend(TEN, 10);
        acquire("first", TEN, 1, LONG);
        time.passMillis(50);
        time.moveClock(Duration.ofMillis(-50));
        long before = store.calls();
        time.passMillis(1_000);
        // Not at 150 exactly: as far as the limiter knows, another instance has taken the permit.
        assertEquals(1, time.decided().size());
        assertEquals(11, store.charged());
        assertEquals(2, store.calls() - before);
    }

    @Test
    void permitsTakenByOthersPostponeCallersUntilTheirTimeEnds() {
        spend(TEN, 10);
        acquire("patient", TEN, 1, LONG);
        acquire("impatient", TEN, 1, Duration.ofMillis(250));
        time.passMillis(99);
        time.moveClock(Duration.ofMillis(1));
        spend(TEN, 1);
        time.passMillis(1);
        // Its turn would now come after 298 ms.
        assertEquals(List.of("impatient denied 100"), time.decided());
        time.passMillis(1_000);
        assertEquals(1, time.decided().size());
        assertEquals(12, store.charged());
    }

    @Test
    void waitingRequestIsReportedOnceWithItsFinalDecision() {
        RecordingListener listener = new RecordingListener();
        RateLimiter heard = time.builder(alone(store))
                .unguarded()
                .listeners(List.of(listener))
                .build();
        spend(TEN, 10);
        heard.async().acquire(TEN, "key", 1, LONG);
        heard.async().acquire(TEN, "key", 1, Duration.ofMillis(150));
        time.passMillis(1_000);
        assertEquals(
                List.of(false, true),
                listener.events().stream()
                        .map(event -> event.decision().allowed())
                        .toList());
    }

    @Test
    void failureOfTheStoreReachesTheCallersOfTheAttempt() {
        spend(TEN, 10);
        CompletableFuture<Decision> caller = acquire("c", TEN, 1, LONG);
        store.fail();
        time.passMillis(1_000);
        assertTrue(caller.isCompletedExceptionally());
        assertEquals(0, limiter.stats().waiting());
        assertTrue(acquire("d", TEN, 1, LONG).isCompletedExceptionally());
    }

    @Test
    void closedPolicyIsDecidedAtOnceWhenTheStoreIsUnavailable() {
        Policy closed = TEN.withOnError(OnError.CLOSED);
        RateLimiter guarded = time.builder(store).build();
        assertTrue(guarded.tryAcquire(closed, "key", 10).allowed());
        for (int i = 0; i < 3; i++) {
            time.record("c" + i, guarded.async().acquire(closed, "key", 1, LONG));
        }
        store.fail();
        time.passMillis(100);
        assertEquals(List.of("c0 denied 100", "c1 denied 100", "c2 denied 100"), time.decided());
        time.record("d", guarded.async().acquire(closed, "key", 1, LONG));
        assertEquals(List.of("d denied 100"), time.decided());
        guarded.close();
    }

    @Test
    void localFallbackDecidesLikeTheLimitForCallersThatWait() {
        RateLimiter guarded = time.builder(store).build();
        assertTrue(guarded.tryAcquire(TEN, "key", 10).allowed());
        store.fail();
        for (int i = 0; i < 3; i++) {
            time.record("c" + i, guarded.async().acquire(TEN, "key", 1, LONG));
        }
        time.passMillis(1_000);
        assertEquals(List.of("c0 granted 100", "c1 granted 200", "c2 granted 300"), time.decided());
        guarded.close();
    }

    @Test
    void openFallbackGrantsAllThatWait() {
        Policy open = TEN.withOnError(OnError.OPEN);
        RateLimiter guarded = time.builder(store).build();
        assertTrue(guarded.tryAcquire(open, "key", 10).allowed());
        for (int i = 0; i < 3; i++) {
            time.record("c" + i, guarded.async().acquire(open, "key", 1, LONG));
        }
        store.fail();
        time.passMillis(100);
        assertEquals(List.of("c0 granted 100", "c1 granted 100", "c2 granted 100"), time.decided());
        guarded.close();
    }

    @Test
    void blockedKeyIsWaitedForOrDenied() {
        limiter.block(TEN, "key", Duration.ofSeconds(2));
        acquire("short", TEN, 1, Duration.ofSeconds(1));
        acquire("long", TEN, 1, Duration.ofSeconds(2));
        time.passMillis(3_000);
        assertEquals(List.of("short denied 0", "long granted 2000"), time.decided());
    }

    /** Counts a batch as one call, as it is in a store. */
    private static final class CountedCalls extends ForwardingBackend {

        private long calls;

        CountedCalls(RateLimitBackend store) {
            super(store);
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            calls++;
            return super.acquire(policy, key, permits);
        }

        @Override
        public CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
            calls++;
            return super.acquireBatch(policy, key, permits);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"10/s", "50/s", "20/s burst 2", "10/s fixed", "10/s sliding"})
    void severalInstancesShareALimitAndNoneStarves(String limits) {
        Policy policy = Policy.of("shared", limits);
        CountedCalls counted = new CountedCalls(store);
        int free = (int) (60 * policy.rateLimits().get(0).permits());
        int[] granted = new int[4];
        spend(policy, policy.capacity());
        for (int i = 0; i < granted.length; i++) {
            RateLimiter instance =
                    time.builder(counted).unguarded().maxWaiting(free, free).build();
            int index = i;
            for (int j = 0; j < free; j++) {
                instance.async().acquire(policy, "key", 1, Duration.ofHours(1)).thenAccept(decision -> {
                    granted[index] += decision.allowed() ? 1 : 0;
                });
            }
        }
        time.passMillis(60_000);
        int all = IntStream.of(granted).sum();
        String figures =
                all + " of " + free + " permits, shares " + Arrays.toString(granted) + ", calls " + counted.calls;
        assertTrue(all <= free && all >= 0.96 * free, figures);
        for (int share : granted) {
            // Chance decides which instance gets all permits of a window.
            assertTrue(share >= all / (policy.rateLimits().get(0) instanceof TokenBucket ? 8 : 16), figures);
        }
        // A bucket of two permits is soon full, so instances ask more often.
        assertTrue(counted.calls <= (policy.capacity() > 2 ? 3L : 4L) * all, figures);
    }
}
