package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class GuardTest {

    private static final Duration LONG = Duration.ofSeconds(30);

    private final List<Throwable> told = Collections.synchronizedList(new ArrayList<>());

    /** What every call to the store comes to. */
    private Supplier<CompletableFuture<Object>> store = () -> CompletableFuture.failedFuture(new Away());

    private Guard guard(Duration deadline) {
        return new Guard(new Store(), deadline, List.of(new RateLimitListener() {
            @Override
            public boolean isInline() {
                return true;
            }

            @Override
            public void onError(RateLimitFailure failure) {
                told.add(failure.cause());
            }
        }));
    }

    private static Policy policy(String name, OnError onError) {
        return new Policy(name, Limit.parseAll("2/day"), onError);
    }

    private static <T> T join(CompletionStage<T> stage) {
        return stage.toCompletableFuture().orTimeout(20, TimeUnit.SECONDS).join();
    }

    @Test
    void whatTheStoreAnswersIsPassedOn() {
        Decision decision = new Decision.Allowed(7, 8, Decision.Source.STORE);
        store = () -> CompletableFuture.completedFuture(decision);
        assertSame(decision, join(guard(LONG).acquire(policy("p", OnError.CLOSED), "key", 1)));
        assertEquals(List.of(), told);
    }

    @ParameterizedTest
    @EnumSource(OnError.class)
    void whenTheStoreFailsThePolicyDecides(OnError onError) {
        decidesWithoutStore(guard(LONG), onError);
        assertTrue(told.stream().allMatch(failure -> failure instanceof Away), told::toString);
    }

    @ParameterizedTest
    @EnumSource(OnError.class)
    void aStoreThatThrowsHasFailed(OnError onError) {
        store = () -> {
            throw new Away();
        };
        decidesWithoutStore(guard(LONG), onError);
    }

    @ParameterizedTest
    @EnumSource(OnError.class)
    void aStoreThatDoesNotAnswerInTimeHasFailed(OnError onError) {
        store = CompletableFuture::new;
        decidesWithoutStore(guard(Duration.ofMillis(1)), onError);
        assertTrue(told.stream().allMatch(failure -> failure instanceof TimeoutException), told::toString);
    }

    private void decidesWithoutStore(Guard guard, OnError onError) {
        Policy policy = policy("p", onError);
        List<Boolean> granted = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Decision decision = join(guard.acquire(policy, "key", 1));
            assertEquals(Decision.Source.FALLBACK, decision.source());
            granted.add(decision.allowed());
        }
        assertEquals(switch (onError) {
            case OPEN -> List.of(true, true, true, true);
            case CLOSED -> List.of(false, false, false, false);
            case LOCAL -> List.of(true, true, false, false);
        }, granted);
        assertEquals(4, told.size());
        assertEquals(onError == OnError.OPEN, join(guard.peek(policy, "key", 1)).allowed());
    }

    @Test
    void severalPoliciesAreAllOrNothingWithoutTheStoreToo() {
        Guard guard = guard(LONG);
        Ask local = new Ask(policy("local", OnError.LOCAL), "key", 1);
        Ask open = new Ask(policy("open", OnError.OPEN), "key", 1);
        Ask closed = new Ask(policy("closed", OnError.CLOSED), "key", 1);

        List<Decision> denied = join(guard.acquireAll(List.of(local, open, closed)));
        assertEquals(List.of(true, true, false), denied.stream().map(Decision::allowed).toList());
        assertEquals(2, join(guard.peek(local.policy(), "key", 0)).remaining(), "the closed policy's denial cost nothing");

        assertTrue(join(guard.acquireAll(List.of(local, open))).stream().allMatch(Decision::allowed));
        assertTrue(join(guard.acquireAll(List.of(open, local))).stream().allMatch(Decision::allowed));
        List<Decision> spent = join(guard.acquireAll(List.of(local, open)));
        assertEquals(List.of(false, true), spent.stream().map(Decision::allowed).toList());
        assertEquals(List.of(Limit.parse("2/day")), spent.get(0).deniedBy());
    }

    @Test
    void aRefundThatFailsSaysSoAndAResetAlsoForgetsWhatWasCountedHere() {
        Guard guard = guard(LONG);
        Policy policy = policy("p", OnError.LOCAL);
        join(guard.acquire(policy, "key", 2));
        CompletionException refund =
                assertThrows(CompletionException.class, () -> join(guard.refund(policy, "key", 1)));
        assertInstanceOf(Away.class, refund.getCause());
        assertThrows(CompletionException.class, () -> join(guard.reset(policy, "key")));
        assertTrue(join(guard.acquire(policy, "key", 2)).allowed());
    }

    @Test
    void aBlockThatFailsSaysSoAndTheFallbackKnowsOfNone() {
        Guard guard = guard(LONG);
        Policy policy = policy("p", OnError.LOCAL);
        CompletionException block = assertThrows(CompletionException.class, () -> join(guard.block(policy, "key", 9)));
        assertInstanceOf(Away.class, block.getCause());
        assertTrue(join(guard.acquire(policy, "key", 2)).allowed());
        store = CompletableFuture::new;
        assertInstanceOf(RateLimitBackendException.class, assertThrows(CompletionException.class,
                () -> join(guard(Duration.ofMillis(1)).block(policy, "key", 9))).getCause());
    }

    @Test
    void aThreadThatMustNotWaitIsAnsweredAtOnceAndListenersAreToldOfThatAnswerOnly() {
        List<CompletableFuture<Object>> late = new ArrayList<>();
        store = () -> {
            late.add(new CompletableFuture<>());
            return late.get(late.size() - 1);
        };
        List<String> heard = new ArrayList<>();
        RateLimiter limiter = new RateLimiter(guard(LONG), List.of(new RateLimitListener() {
            @Override
            public void onAllow(RateLimitEvent event) {
                heard.add("allowed by " + event.source());
            }

            @Override
            public void onBlock(RateLimitEvent event) {
                heard.add("blocked by " + event.source());
            }

            @Override
            public boolean isInline() {
                return true;
            }
        }));
        List<Ask> asks = List.of(new Ask(policy("p", OnError.LOCAL), "key", 1));
        assertEquals(List.of(true, true, false), List.of(limiter.acquireAllAtOnce(asks).allowed(),
                limiter.acquireAllAtOnce(asks).allowed(), limiter.acquireAllAtOnce(asks).allowed()));
        assertEquals(3, late.size());
        late.forEach(answer -> answer.complete(new Decision.Allowed(1, 1, Decision.Source.STORE)));
        assertEquals(List.of("allowed by FALLBACK", "allowed by FALLBACK", "blocked by FALLBACK"), heard);
    }

    @Test
    void aDeadlineIsOneMillisecondOrMore() {
        assertEquals("The deadline is 1ms or more, not PT0S.", assertThrows(IllegalArgumentException.class,
                () -> new Guard(new Store(), Duration.ZERO, List.of())).getMessage());
    }

    private static final class Away extends RuntimeException {

        private static final long serialVersionUID = 1L;
    }

    private final class Store implements RateLimitBackend {

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return store.get().thenApply(Decision.class::cast);
        }

        @Override
        public CompletionStage<List<Decision>> acquireAll(List<Ask> asks) {
            return store.get().thenApply(any -> List.of());
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return acquire(policy, key, permits);
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits) {
            return store.get().thenApply(any -> null);
        }

        @Override
        public CompletionStage<Void> block(Policy policy, String key, long micros) {
            return refund(policy, key, micros);
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return refund(policy, key, 0);
        }
    }
}
