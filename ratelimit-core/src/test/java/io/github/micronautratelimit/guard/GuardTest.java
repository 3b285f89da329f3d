package io.github.micronautratelimit.guard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimitBackendException;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.StoreFailure;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.testing.Await;
import io.github.micronautratelimit.testing.RecordingListener;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class GuardTest {

    private static final Duration LONG = Duration.ofSeconds(30);

    private final List<StoreFailure> failures = Collections.synchronizedList(new ArrayList<>());
    private final RecordingListener listener = new RecordingListener();

    /** The answer of the store to every call. */
    private Supplier<CompletableFuture<Object>> store = () -> CompletableFuture.failedFuture(new Unavailable());

    private Guard guard(Duration deadline) {
        return new Guard(new Store(), "store", deadline, 1, MicroClock.system(), failures::add);
    }

    private RateLimiter limiter(Duration deadline) {
        return RateLimiter.builder(new Store())
                .deadline(deadline)
                .listeners(List.of(listener))
                .build();
    }

    private static Policy policy(String name, OnError onError) {
        return Policy.of(name, "2/day").withOnError(onError);
    }

    private boolean causesAre(Class<? extends Throwable> type) {
        return failures.stream().allMatch(failure -> type.isInstance(failure.cause()));
    }

    private static LimiterStats.Store statsOf(RateLimiter limiter) {
        LimiterStats.Store stats = limiter.stats().store();
        if (stats == null) {
            throw new AssertionError("no guard");
        }
        return stats;
    }

    @Test
    void answerOfTheStoreIsReturned() {
        Decision decision = new Decision.Allowed(7, 8, Decision.Source.STORE);
        store = () -> CompletableFuture.completedFuture(decision);
        assertSame(decision, Await.result(guard(LONG).acquire(policy("p", OnError.CLOSED), "key", 1)));
        assertEquals(List.of(), failures);
    }

    @ParameterizedTest
    @EnumSource(OnError.class)
    void failedCallIsDecidedByOnError(OnError onError) {
        assertDecidedByOnError(guard(LONG), onError);
        assertTrue(causesAre(Unavailable.class), failures::toString);
    }

    @ParameterizedTest
    @EnumSource(OnError.class)
    void callThatThrowsHasFailed(OnError onError) {
        store = () -> {
            throw new Unavailable();
        };
        assertDecidedByOnError(guard(LONG), onError);
    }

    @ParameterizedTest
    @EnumSource(OnError.class)
    void callBeyondItsDeadlineHasFailed(OnError onError) {
        store = CompletableFuture::new;
        assertDecidedByOnError(guard(Duration.ofMillis(1)), onError);
        assertTrue(causesAre(TimeoutException.class), failures::toString);
    }

    private void assertDecidedByOnError(Guard guard, OnError onError) {
        Policy policy = policy("p", onError);
        List<Boolean> allowed = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Decision decision = Await.result(guard.acquire(policy, "key", 1));
            assertEquals(Decision.Source.FALLBACK, decision.source());
            allowed.add(decision.allowed());
        }
        assertEquals(
                switch (onError) {
                    case OPEN -> List.of(true, true, true, true);
                    case CLOSED -> List.of(false, false, false, false);
                    case LOCAL -> List.of(true, true, false, false);
                },
                allowed);
        assertEquals(4, failures.size());
        assertEquals(
                onError == OnError.OPEN,
                Await.result(guard.peek(policy, "key", 1)).allowed());
        assertEquals(
                switch (onError) {
                    case OPEN -> List.of(true, true, true);
                    case CLOSED -> List.of(false, false, false);
                    case LOCAL -> List.of(true, true, false);
                },
                Await.result(guard.acquireBatch(policy, "other", List.of(1L, 1L, 1L))).stream()
                        .map(Decision::allowed)
                        .toList());
    }

    @Test
    void fallbackGrantsAllRequestsOrNone() {
        Guard guard = guard(LONG);
        PermitRequest local = new PermitRequest(policy("local", OnError.LOCAL), "key", 1);
        PermitRequest open = new PermitRequest(policy("open", OnError.OPEN), "key", 1);
        PermitRequest closed = new PermitRequest(policy("closed", OnError.CLOSED), "key", 1);

        List<Decision> denied = Await.result(guard.acquireAll(List.of(local, open, closed)));
        assertEquals(
                List.of(true, true, false),
                denied.stream().map(Decision::allowed).toList());
        assertEquals(
                2,
                Await.result(guard.peek(local.policy(), "key", 0)).remaining(),
                "the denial of the closed policy cost nothing");

        assertTrue(Await.result(guard.acquireAll(List.of(local, open))).stream().allMatch(Decision::allowed));
        assertTrue(Await.result(guard.acquireAll(List.of(open, local))).stream().allMatch(Decision::allowed));
        List<Decision> spent = Await.result(guard.acquireAll(List.of(local, open)));
        assertEquals(List.of(false, true), spent.stream().map(Decision::allowed).toList());
        assertEquals(List.of(Limit.parse("2/day")), spent.get(0).deniedBy());
    }

    @Test
    void failureOfSeveralRequestsIsReportedOncePerPolicy() {
        Guard guard = guard(LONG);
        Await.result(guard.acquireAll(List.of(
                new PermitRequest(policy("a", OnError.OPEN), "key", 1),
                new PermitRequest(policy("b", OnError.OPEN), "key", 1),
                new PermitRequest(policy("a", OnError.OPEN), "other", 1))));
        assertEquals(
                List.of("a", "b"),
                failures.stream().map(failure -> failure.policy().name()).toList());
        assertEquals(List.of(), Await.result(guard.acquireAll(List.of())));
    }

    private static Throwable causeOf(CompletionStage<?> failed) {
        Throwable failure = assertThrows(CompletionException.class, () -> Await.result(failed))
                .getCause();
        assertInstanceOf(RateLimitBackendException.class, failure);
        return failure.getCause();
    }

    @Test
    void failedRefundRefundsLocallyAndFailedResetResetsLocally() {
        Guard guard = guard(LONG);
        Policy policy = policy("p", OnError.LOCAL);
        Await.result(guard.acquire(policy, "key", 2));
        assertInstanceOf(Unavailable.class, causeOf(guard.refund(policy, "key", 1, LimitState.LATEST)));
        assertEquals(1, Await.result(guard.peek(policy, "key", 0)).remaining());
        assertInstanceOf(Unavailable.class, causeOf(guard.reset(policy, "key")));
        assertTrue(Await.result(guard.acquire(policy, "key", 2)).allowed());
    }

    @Test
    void failedBlockFailsAndTheFallbackKnowsNoBlocks() {
        Guard guard = guard(LONG);
        Policy policy = policy("p", OnError.LOCAL);
        assertInstanceOf(Unavailable.class, causeOf(guard.block(policy, "key", 9)));
        assertTrue(Await.result(guard.acquire(policy, "key", 2)).allowed());
        store = CompletableFuture::new;
        assertInstanceOf(
                TimeoutException.class, causeOf(guard(Duration.ofMillis(1)).block(policy, "key", 9)));
    }

    @Test
    void deadlineOfTheGuardIsOneMillisecondOrMore() {
        assertEquals(
                "The deadline is PT0S; write 1ms or more.",
                assertThrows(IllegalArgumentException.class, () -> guard(Duration.ZERO))
                        .getMessage());
        assertEquals(Duration.ofMillis(1), guard(Duration.ofMillis(1)).deadline());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, Guard.MAX_INSTANCES + 1})
    void numberOfInstancesHasBounds(int instances) {
        assertEquals(
                "The number of instances is " + instances + "; write 1 to 10000.",
                assertThrows(
                                IllegalArgumentException.class,
                                () -> new Guard(
                                        new Store(), "store", LONG, instances, MicroClock.system(), failures::add))
                        .getMessage());
    }

    @Test
    void warmUpLeavesNoTrace() {
        Guard guard = guard(LONG);
        guard.warmUp();
        assertFalse(guard.inOutage());
        assertTrue(guard.isCallingStore());
        assertEquals(List.of(), failures);
    }

    // A deadline of zero: the caller never waits

    private final List<CompletableFuture<Object>> held = Collections.synchronizedList(new ArrayList<>());

    private void holdCalls() {
        store = () -> {
            CompletableFuture<Object> call = new CompletableFuture<>();
            held.add(call);
            return call;
        };
    }

    private static PermitRequest unwaited(OnError onError) {
        return new PermitRequest(policy("p", onError), "key", 1).withDeadline(Duration.ZERO);
    }

    @Test
    void deadlineOfZeroIsDecidedAtOnceAndListenersReceiveThatDecisionOnly() {
        holdCalls();
        try (RateLimiter limiter = limiter(LONG)) {
            List<PermitRequest> requests = List.of(unwaited(OnError.LOCAL));
            assertEquals(
                    List.of(true, true, false),
                    List.of(
                            limiter.tryAcquireAll(requests).allowed(),
                            limiter.tryAcquireAll(requests).allowed(),
                            limiter.tryAcquireAll(requests).allowed()));
            assertEquals(3, held.size());
            held.forEach(call -> call.complete(new Decision.Allowed(1, 1, Decision.Source.STORE)));
            assertEquals(
                    List.of("true FALLBACK", "true FALLBACK", "false FALLBACK"),
                    listener.events().stream()
                            .map(event -> event.decision().allowed() + " " + event.source())
                            .toList());
            assertEquals(List.of(), listener.failures());
            assertEquals(0, statsOf(limiter).failures());
            assertFalse(statsOf(limiter).inOutage());
        }
    }

    @ParameterizedTest
    @EnumSource(OnError.class)
    void deadlineOfZeroIsDecidedByOnErrorForEveryVerb(OnError onError) {
        holdCalls();
        try (RateLimiter limiter = limiter(LONG)) {
            PermitRequest request = unwaited(onError);
            boolean allowed = onError != OnError.CLOSED;
            assertEquals(allowed, limiter.tryAcquire(request.policy(), "a").allowed());
            assertEquals(allowed, limiter.peek(request.policy(), "b", 1).allowed());
            PermitRequest waiting = new PermitRequest(policy("q", onError), "key", 1);
            assertEquals(
                    List.of(allowed, allowed),
                    limiter.tryAcquireAll(List.of(waiting, request)).list().stream()
                            .map(Decision::allowed)
                            .toList());
            assertTrue(listener.events().stream().allMatch(event -> event.source() == Decision.Source.FALLBACK));
            assertEquals(List.of(), listener.failures());
        }
    }

    @Test
    void answerAtOnceCountsDespiteADeadlineOfZero() {
        Decision decision = new Decision.Allowed(7, 8, Decision.Source.STORE);
        store = () -> CompletableFuture.completedFuture(decision);
        assertSame(
                decision,
                Await.result(guard(LONG).acquire(unwaited(OnError.CLOSED).policy(), "key", 1)));
    }

    @Test
    void failureAtOnceIsReportedDespiteADeadlineOfZero() {
        assertFalse(Await.result(guard(LONG).acquire(unwaited(OnError.CLOSED).policy(), "key", 1))
                .allowed());
        assertEquals(1, failures.size());
        assertTrue(causesAre(Unavailable.class), failures::toString);
    }

    @Test
    void unawaitedCallsDoNotOpenTheBreakerUnlessTheyFail() {
        holdCalls();
        try (RateLimiter limiter = limiter(LONG)) {
            PermitRequest request = unwaited(OnError.OPEN);
            for (int i = 0; i < 50; i++) {
                assertTrue(limiter.tryAcquire(request.policy(), "key").allowed());
            }
            assertEquals(50, held.size());
            assertEquals("CLOSED", statsOf(limiter).breaker());
            assertEquals(0, statsOf(limiter).failures());

            held.forEach(call -> call.completeExceptionally(new Unavailable()));
            assertNotEquals("CLOSED", statsOf(limiter).breaker());
            assertEquals(50, statsOf(limiter).failures());
            assertTrue(statsOf(limiter).inOutage());
            assertEquals(50, listener.failures().size(), "real failures are reported");
            assertEquals(50, listener.events().size(), "a late failure is not a second decision");
        }
    }

    @Test
    void unawaitedCallFailsAtTheUsualDeadline() {
        holdCalls();
        try (RateLimiter limiter = limiter(Duration.ofMillis(5))) {
            assertTrue(
                    limiter.tryAcquire(unwaited(OnError.OPEN).policy(), "key").allowed());
            Await.until("the failure is reported", () -> !listener.failures().isEmpty());
            assertInstanceOf(TimeoutException.class, listener.failures().get(0).cause());
            assertTrue(held.get(0).isCancelled());
            assertEquals(1, statsOf(limiter).failures());
        }
    }

    @Test
    void callsThatAreNotDecisionsWaitDespiteADeadlineOfZero() {
        holdCalls();
        Guard guard = guard(LONG);
        Policy policy = unwaited(OnError.OPEN).policy();
        List<CompletionStage<?>> stages = List.of(
                guard.refund(policy, "key", 1, LimitState.LATEST),
                guard.block(policy, "key", 1),
                guard.reset(policy, "key"),
                guard.refundOrFail(policy, "key", 1, LimitState.LATEST),
                guard.acquireOrFail(policy, "key", 1));
        assertEquals(5, held.size());
        assertTrue(
                stages.stream().noneMatch(stage -> stage.toCompletableFuture().isDone()));
        held.subList(0, 4).forEach(call -> call.complete("done"));
        held.get(4).complete(new Decision.Allowed(1, 1, Decision.Source.STORE));
        stages.subList(0, 4).forEach(stage -> assertNull(Await.result(stage)));
        assertEquals(new Decision.Allowed(1, 1, Decision.Source.STORE), Await.result(stages.get(4)));
        assertEquals(List.of(), failures);
    }

    @Test
    void permitsGrantedWithoutWaitingAreNotChargedAgain() {
        holdCalls();
        Guard guard = guard(LONG);
        assertTrue(Await.result(guard.acquire(unwaited(OnError.LOCAL).policy(), "key", 1))
                .allowed());
        held.get(0).completeExceptionally(new Unavailable());
        AtomicInteger calls = new AtomicInteger();
        store = () -> {
            calls.incrementAndGet();
            return CompletableFuture.completedFuture(new Decision.Allowed(1, 1, Decision.Source.STORE));
        };
        Await.until("the store is settled", guard::isSettled);
        assertEquals(PartHealth.MAX_PROBES, calls.get(), "probes, and no charge");
    }

    private static final class Unavailable extends RuntimeException {

        private static final long serialVersionUID = 1L;
    }

    private final class Store implements RateLimitBackend {

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return cast(store.get());
        }

        @Override
        public CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
            return cast(store.get());
        }

        @Override
        public CompletionStage<List<Decision>> acquireAll(List<PermitRequest> requests) {
            return cast(store.get());
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return cast(store.get());
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
            return store.get().thenApply(done -> null);
        }

        @Override
        public CompletionStage<Void> block(Policy policy, String key, long micros) {
            return store.get().thenApply(done -> null);
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return store.get().thenApply(done -> null);
        }

        @SuppressWarnings("unchecked")
        private static <T> CompletionStage<T> cast(CompletableFuture<Object> answer) {
            return (CompletionStage<T>) (CompletionStage<?>) answer;
        }
    }
}
