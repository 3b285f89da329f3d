package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.testing.Await;
import io.github.micronautratelimit.testing.HeldStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ShadowTest {

    private static final Policy SHADOW = Policy.of("shadow", "1/min").withShadow(true);
    private static final Policy ENFORCED = Policy.of("enforced", "1/min");

    private final HeldStore store = new HeldStore();
    private final List<String> received = new ArrayList<>();
    private final RateLimiter limiter = limiter(store);

    private RateLimiter limiter(RateLimitBackend backend) {
        return RateLimiter.builder(backend)
                .unguarded()
                .listeners(List.of(new TrialListener()))
                .build();
    }

    private final class TrialListener implements RateLimitListener {

        @Override
        public boolean isInline() {
            return true;
        }

        @Override
        public void onAllow(RateLimitEvent event) {
            received.add("allow " + event.policy().name());
        }

        @Override
        public void onBlock(RateLimitEvent event) {
            received.add("block " + event.policy().name());
        }

        @Override
        public void onShadow(RateLimitEvent event) {
            received.add(
                    "shadow " + event.policy().name() + " " + event.decision().allowed());
        }

        @Override
        public void onCandidate(RateLimitEvent enforced, RateLimitEvent candidate) {
            received.add("candidate " + enforced.decision().allowed() + " "
                    + candidate.policy().name() + " " + candidate.decision().allowed());
        }

        @Override
        public void onError(StoreFailure failure) {
            received.add("error " + failure.policy().name());
        }
    }

    @Test
    void requestDoesNotWaitForTheStore() {
        CompletableFuture<Decision> answer =
                limiter.async().tryAcquire(SHADOW, "key").toCompletableFuture();
        assertTrue(answer.isDone());
        assertTrue(answer.join().allowed());
        assertTrue(limiter.tryAcquire(SHADOW, "key").allowed());
        assertTrue(limiter.acquire(SHADOW, "key", 1, Duration.ofHours(1)).allowed());
        assertEquals(3, store.calls().size());
        assertEquals(List.of(), received);
        store.calls().forEach(HeldStore.HeldCall::decide);
        assertEquals(List.of("shadow shadow true", "shadow shadow false", "shadow shadow false"), received);
    }

    @Test
    void failureOfTheStoreReachesListenersOnly() {
        Decision decision = limiter.tryAcquire(SHADOW, "key");
        store.call(0).fail(new IllegalStateException("unavailable"));
        assertTrue(decision.allowed());
        assertEquals(List.of("error shadow"), received);
    }

    @Test
    void backendThatThrowsDeniesNothing() {
        RateLimiter failing = limiter(new ForwardingBackend(store) {
            @Override
            public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
                throw new IllegalStateException("broken");
            }
        });
        assertTrue(failing.tryAcquire(SHADOW, "key").allowed());
        assertEquals(List.of("error shadow"), received);
    }

    @Test
    void enforcedPolicyBesideItStillDenies() {
        List<PermitRequest> requests =
                List.of(new PermitRequest(SHADOW, "key", 1), new PermitRequest(ENFORCED, "key", 1));
        List<CompletableFuture<Decisions>> answers = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            answers.add(limiter.async().tryAcquireAll(requests).toCompletableFuture());
            assertFalse(answers.get(i).isDone());
            store.calls().get(store.calls().size() - 1).decide();
        }
        assertTrue(answers.get(0).join().allowed());
        assertFalse(answers.get(1).join().allowed());
        assertInstanceOf(Decision.Shadowed.class, answers.get(0).join().list().get(0));
        assertInstanceOf(Decision.Skipped.class, answers.get(1).join().list().get(0));
        assertEquals(3, store.calls().size(), "the shadow of the denied request is not decided");
    }

    @Test
    void cancelledCallerLeavesTheQueue() {
        RateLimiter memory = RateLimiter.inMemory();
        assertTrue(memory.tryAcquire(ENFORCED, "key").allowed());
        CompletableFuture<Decisions> waiting = memory.async()
                .acquireAll(
                        List.of(new PermitRequest(ENFORCED, "key", 1), new PermitRequest(SHADOW, "key", 1)),
                        Duration.ofHours(1))
                .toCompletableFuture();
        assertEquals(1, memory.stats().waiting());
        waiting.cancel(false);
        Await.until("no caller waits", () -> memory.stats().waiting() == 0);
    }

    @Test
    void reservationIsSettledWithTheRealCost() {
        RateLimiter memory = RateLimiter.inMemory();
        Policy tokens = Policy.of("tokens", "100/day fixed").withShadow(true);
        Reservation reservation =
                memory.async().reserve(tokens, "key", 60).toCompletableFuture().join();
        assertTrue(reservation.decision().allowed());
        reservation.settle(10).toCompletableFuture().join();
        assertEquals(90, memory.peek(tokens, "key", 0).remaining());
    }

    @Test
    void outcomeGivesTheChargeBack() {
        RateLimiter memory = RateLimiter.inMemory();
        Policy login =
                Policy.of("login", "5/day fixed").withChargeOn(List.of("401")).withShadow(true);
        Decisions decisions = memory.tryAcquireAll(List.of(new PermitRequest(login, "key", 1)));
        assertEquals(4, memory.peek(login, "key", 0).remaining());
        memory.async().applyOutcome(decisions, 200, null);
        assertEquals(5, memory.peek(login, "key", 0).remaining());
        Decisions failed = memory.tryAcquireAll(List.of(new PermitRequest(login, "key", 1)));
        memory.async().applyOutcome(failed, 401, null);
        assertEquals(4, memory.peek(login, "key", 0).remaining());
    }

    @Test
    void candidateDelaysNoRequest() {
        Policy policy = Policy.of("p", "2/min").withCandidate(Limit.parseAll("1/min"));
        CompletableFuture<Decision> answer =
                limiter.async().tryAcquire(policy, "key").toCompletableFuture();
        store.call(0).decide();
        assertTrue(answer.join().allowed());
        assertEquals(List.of("allow p"), received);
        store.call(1).decide();
        limiter.async().tryAcquire(policy, "key").toCompletableFuture();
        store.call(3).decide();
        store.call(2).decide();
        assertEquals(
                List.of("candidate true p:candidate true", "candidate true p:candidate false"),
                received.stream().filter(event -> event.startsWith("candidate")).toList());
    }

    @Test
    void failedCandidateCostsNothing() {
        Policy policy = Policy.of("p", "2/min").withCandidate(Limit.parseAll("1/min"));
        CompletableFuture<Decision> answer =
                limiter.async().tryAcquire(policy, "key").toCompletableFuture();
        store.call(1).fail(new IllegalStateException("unavailable"));
        store.call(0).decide();
        assertTrue(answer.join().allowed());
        assertEquals(List.of("allow p"), received);
    }

    @ParameterizedTest
    @ValueSource(strings = {"2/min", "1/min; 1/min", "5/s; 2/min; 5/s"})
    void candidateThatComparesNothingIsRefused(String limits) {
        Policy policy = Policy.of("p", "2/min");
        assertThrows(IllegalArgumentException.class, () -> policy.withCandidate(Limit.parseAll(limits)));
    }

    @Test
    void candidateThatCannotFollowThePolicyIsRefused() {
        List<Limit> candidate = Limit.parseAll("1/min");
        Policy policy = Policy.of("p", "2/min");
        assertRefused("shadow mode", () -> policy.withShadow(true).withCandidate(candidate));
        assertRefused("refund-on", () -> policy.withRefundOn(List.of("5xx")).withCandidate(candidate));
        assertRefused("wait", () -> policy.withMaxWait(Duration.ofSeconds(1)).withCandidate(candidate));
        assertRefused("no rate limits", () -> Policy.of("p", "2 concurrent").withCandidate(candidate));
        assertRefused("shorten it", () -> Policy.of("p".repeat(191), "2/min").withCandidate(candidate));
    }

    private static void assertRefused(String text, Runnable action) {
        String message =
                assertThrows(IllegalArgumentException.class, action::run).getMessage();
        assertTrue(message.contains(text), message);
    }

    @Test
    void overrideHasNoCandidate() {
        Policy policy = Policy.of("p", "2/min").withCandidate(Limit.parseAll("1/min"));
        assertNull(policy.withLimits(Limit.parseAll("100/min")).candidate());
    }
}
