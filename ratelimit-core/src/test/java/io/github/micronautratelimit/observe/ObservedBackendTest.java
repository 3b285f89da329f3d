package io.github.micronautratelimit.observe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.memory.MemoryBackend;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Test;

class ObservedBackendTest {

    private static final Policy TWO = Policy.of("two", "2/day");
    private static final Policy SLOTS = Policy.of("slots", "1 concurrent");

    private final List<String> notifications = new ArrayList<>();
    private final List<CompletableFuture<Decision>> stages = new ArrayList<>();

    private ObservedBackend observed(StoreListener listener) {
        return new ObservedBackend(
                new ForwardingBackend(new MemoryBackend()) {
                    @Override
                    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
                        if (key.equals("throws")) {
                            throw new IllegalStateException("unavailable");
                        }
                        stages.add(new CompletableFuture<>());
                        return stages.get(stages.size() - 1);
                    }
                },
                "store",
                List.of(listener));
    }

    @Test
    void endOfACallHasItsOutcomeAndFailure() {
        ObservedBackend observed = observed((name, operation, policies) ->
                (outcome, duration, failure) -> notifications.add(outcome + " " + failure));
        observed.acquire(TWO, "throws", 1);
        observed.acquire(TWO, "key", 1);
        stages.get(0).completeExceptionally(new IllegalArgumentException("broken"));
        observed.acquire(TWO, "key", 1);
        stages.get(1).complete(new Decision.Allowed(1, 1, Decision.Source.STORE));
        assertEquals(
                List.of(
                        "FAILED java.lang.IllegalStateException: unavailable",
                        "FAILED java.lang.IllegalArgumentException: broken",
                        "ANSWERED null"),
                notifications);
    }

    @Test
    void cancellationReachesTheStoreAndEndsTheCallAsLate() {
        ObservedBackend observed = observed((name, operation, policies) ->
                (outcome, duration, failure) -> notifications.add(outcome + " " + failure));
        CompletionStage<Decision> stage = observed.acquire(TWO, "key", 1);
        assertSame(stages.get(0), stage);
        stage.toCompletableFuture().cancel(false);
        assertTrue(stages.get(0).isCancelled());
        assertEquals(List.of("LATE java.util.concurrent.CancellationException"), notifications);
    }

    @Test
    void everyOperationIsReportedWithItsPolicies() {
        ObservedBackend observed = observed((name, operation, policies) -> {
            notifications.add(name + " " + operation + " "
                    + policies.stream().map(Policy::name).toList());
            return (outcome, duration, failure) -> {};
        });
        UUID holder = new UUID(0, 0);
        observed.acquire(TWO, "key", 1);
        observed.acquireBatch(TWO, "key", List.of(1L, 2L));
        observed.acquireAll(List.of(new PermitRequest(TWO, "a", 1), new PermitRequest(TWO, "b", 1)));
        observed.peek(TWO, "key", 1);
        observed.refund(TWO, "key", 1, LimitState.LATEST);
        observed.block(TWO, "key", 1);
        observed.reset(TWO, "key");
        observed.concurrency().acquire(SLOTS, "key", holder);
        observed.concurrency().renew(SLOTS, "key", holder);
        observed.concurrency().release(SLOTS, "key", holder);
        observed.concurrency().peek(SLOTS, "key");
        observed.concurrency().reset(SLOTS, "key");
        assertEquals(
                List.of(
                        "store ACQUIRE [two]",
                        "store ACQUIRE_BATCH [two]",
                        "store ACQUIRE_ALL [two, two]",
                        "store PEEK [two]",
                        "store REFUND [two]",
                        "store BLOCK [two]",
                        "store RESET [two]",
                        "store ACQUIRE_LEASE [slots]",
                        "store RENEW_LEASE [slots]",
                        "store RELEASE_LEASE [slots]",
                        "store PEEK [slots]",
                        "store RESET [slots]"),
                notifications);
    }

    @Test
    void waitingCallersAreObservedToo() {
        List<StoreListener.Operation> operations = new ArrayList<>();
        ObservedBackend observed =
                new ObservedBackend(new MemoryBackend(), "store", List.of((name, operation, policies) -> {
                    operations.add(operation);
                    return (outcome, duration, failure) -> {};
                }));
        assertTrue(observed.acquireBlocking(TWO, "key", 1).allowed());
        assertEquals(List.of(StoreListener.Operation.ACQUIRE), operations);
    }
}
