package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.tck.FaultyStore.Fault;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class FaultInjectingBackendTest {

    private static final Policy PERMITS = Policy.of("permits", "100/day");
    private static final Policy SLOTS = Policy.of("slots", "5 concurrent");
    private static final UUID HOLDER = new UUID(1, 2);

    private final MemoryBackend memory = new MemoryBackend();
    private final FaultInjectingBackend store = new FaultInjectingBackend(memory, Duration.ofMillis(50));

    @AfterEach
    void close() {
        store.close();
        store.close();
    }

    private static <T> T join(CompletionStage<T> stage) {
        return stage.toCompletableFuture().orTimeout(20, TimeUnit.SECONDS).join();
    }

    private List<Supplier<CompletionStage<?>>> calls() {
        ConcurrencyBackend slots = store.concurrency();
        return List.of(
                () -> store.acquire(PERMITS, "key", 1),
                () -> store.acquireBatch(PERMITS, "key", List.of(1L, 2L)),
                () -> store.acquireAll(List.of(new PermitRequest(PERMITS, "key", 1))),
                () -> store.peek(PERMITS, "key", 1),
                () -> store.refund(PERMITS, "key", 1, LimitState.LATEST),
                () -> store.block(PERMITS, "key", 1),
                () -> store.reset(PERMITS, "key"),
                () -> slots.acquire(SLOTS, "key", HOLDER),
                () -> slots.renew(SLOTS, "key", HOLDER),
                () -> slots.release(SLOTS, "key", HOLDER),
                () -> slots.peek(SLOTS, "key"),
                () -> slots.reset(SLOTS, "key"));
    }

    @ParameterizedTest
    @EnumSource(
            value = Fault.class,
            names = {"REFUSED", "ERRORS"})
    void everyCallForPermitsAndSlotsFails(Fault fault) {
        store.inject(fault);
        for (Supplier<CompletionStage<?>> call : calls()) {
            assertThrows(CompletionException.class, () -> join(call.get()));
        }
        assertThrows(RuntimeException.class, () -> store.acquireBlocking(PERMITS, "key", 1));
        store.heal();
        calls().forEach(call -> join(call.get()));
        assertEquals(100, memory.peek(PERMITS, "key", 0).join().remaining());
    }

    @Test
    void hangingCallsAreExecutedInOrderAfterTheHealing() {
        store.inject(Fault.HUNG);
        CompletableFuture<Decision> first = store.acquire(PERMITS, "key", 40).toCompletableFuture();
        CompletableFuture<Decision> second = store.acquire(PERMITS, "key", 50).toCompletableFuture();
        assertFalse(first.isDone());
        assertEquals(100, memory.peek(PERMITS, "key", 0).join().remaining());
        store.heal();
        assertEquals(60, join(first).remaining());
        assertEquals(10, join(second).remaining());
    }

    @Test
    void callsOfAHalfOpenConnectionAreLost() {
        store.inject(Fault.HALF_OPEN);
        CompletableFuture<Decision> lost = store.acquire(PERMITS, "key", 40).toCompletableFuture();
        store.heal();
        assertEquals(99, join(store.acquire(PERMITS, "key", 1)).remaining());
        assertFalse(lost.isDone());
    }

    @Test
    void callIsExecutedThoughItsReplyIsLost() {
        store.inject(Fault.REPLY_LOST);
        CompletableFuture<Decision> lost = store.acquire(PERMITS, "key", 40).toCompletableFuture();
        store.heal();
        assertEquals(59, join(store.acquire(PERMITS, "key", 1)).remaining());
        assertFalse(lost.isDone());
    }

    @Test
    void slowReplyArrivesAfterTheDeadline() {
        store.inject(Fault.SLOW);
        long begun = System.nanoTime();
        assertEquals(60, join(store.acquire(PERMITS, "key", 40)).remaining());
        assertTrue(System.nanoTime() - begun >= Duration.ofMillis(500).toNanos());
    }

    @Test
    void callDeliveredTwiceChargesTwiceButTakesOneSlot() {
        store.inject(Fault.DELIVERED_TWICE);
        assertEquals(20, join(store.acquire(PERMITS, "key", 40)).remaining());
        assertEquals(4, join(store.concurrency().acquire(SLOTS, "key", HOLDER)).remaining());
    }

    @Test
    void limiterTreatsItAsARemoteStore() {
        assertFalse(store.isLocal());
        assertEquals(Duration.ofMillis(50), store.deadline());
    }
}
