package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.testing.RecordingListener;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class RateLimiterTest {

    private static final long NOW = 1_790_000_000_123_456L;
    private static final Policy WRITE = Policy.of("write", "2/min");
    private static final Policy READ = Policy.of("read", "10/min");
    private static final RuntimeException UNAVAILABLE = new IllegalStateException("the store is unavailable");

    private final List<String> received = new ArrayList<>();
    private final FailingBackend backend = new FailingBackend();
    private final RateLimiter limiter = limiter(new NamedListener("a"), new NamedListener("b"));

    private RateLimiter limiter(RateLimitListener... listeners) {
        return RateLimiter.builder(backend)
                .unguarded()
                .listeners(List.of(listeners))
                .build();
    }

    /** Decides in memory, several policies in sequence. Records the calls, and fails the one that a test names. */
    private static final class FailingBackend implements RateLimitBackend {

        private final MemoryBackend memory = new MemoryBackend(() -> NOW, 100);
        private final List<String> calls = new ArrayList<>();
        private String failing = "nothing";

        private <T> CompletionStage<T> answer(String verb, String key, CompletionStage<T> answer) {
            calls.add(verb + " " + key);
            return fails(verb, key) ? CompletableFuture.failedFuture(UNAVAILABLE) : answer;
        }

        private boolean fails(String verb, String key) {
            return failing.equals(verb + " " + key);
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return answer(
                    "acquire",
                    key,
                    fails("acquire", key)
                            ? CompletableFuture.failedFuture(UNAVAILABLE)
                            : memory.acquire(policy, key, permits));
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return answer("peek", key, memory.peek(policy, key, permits));
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
            return answer(
                    "refund",
                    key,
                    fails("refund", key)
                            ? CompletableFuture.failedFuture(UNAVAILABLE)
                            : memory.refund(policy, key, permits, chargedAtMicros));
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return answer("reset", key, memory.reset(policy, key));
        }

        private long remaining(Policy policy, String key) {
            return memory.peek(policy, key, 0).join().remaining();
        }
    }

    /** Records events as text. */
    private final class NamedListener implements RateLimitListener {

        private final String name;

        NamedListener(String name) {
            this.name = name;
        }

        @Override
        public boolean isInline() {
            return true;
        }

        @Override
        public void onAllow(RateLimitEvent event) {
            received.add(name + " allow " + event.policy().name() + " " + event.permits() + " of "
                    + event.keyHash().substring(0, 8) + " left "
                    + event.decision().remaining());
        }

        @Override
        public void onBlock(RateLimitEvent event) {
            received.add(name + " block " + event.policy().name() + " " + event.permits());
        }

        @Override
        public void onError(StoreFailure failure) {
            assertSame(UNAVAILABLE, failure.cause());
            received.add(name + " error " + failure.policy().name());
        }
    }

    @Test
    void policyWithSlotsOnlyGrantsNoPermits() {
        RateLimiter limiter = RateLimiter.inMemory();
        Policy slots = Policy.of("slots", "5 concurrent");
        for (Executable acquiring : List.<Executable>of(
                () -> limiter.tryAcquire(slots, "key"),
                () -> limiter.async().tryAcquire(slots, "key", 1),
                () -> limiter.async().tryAcquireAll(List.of(new PermitRequest(slots, "key", 1))),
                () -> limiter.tryAcquireAll(List.of(
                        new PermitRequest(Policy.of("q", "1/s"), "key", 1), new PermitRequest(slots, "key", 1))),
                () -> limiter.block(slots, "key", Duration.ofSeconds(1)))) {
            assertEquals(
                    "The policy \"slots\" has only the concurrency limit 5 concurrent, which grants no permits; call "
                            + "lease().",
                    assertThrows(IllegalArgumentException.class, acquiring).getMessage());
        }
    }

    @Test
    void listenersReceiveDecisionsInOrder() {
        String hash = KeyHash.of("key").substring(0, 8);
        limiter.tryAcquire(WRITE, "key", 2);
        limiter.tryAcquire(WRITE, "key");
        assertEquals(
                List.of(
                        "a allow write 2 of " + hash + " left 0",
                        "b allow write 2 of " + hash + " left 0",
                        "a block write 1",
                        "b block write 1"),
                received);
    }

    @Test
    void listenersReceiveNoPeekRefundOrReset() {
        limiter.peek(WRITE, "key", 1);
        limiter.refund(WRITE, "key", 1);
        limiter.reset(WRITE, "key");
        assertEquals(List.of(), received);
        assertEquals(List.of("peek key", "refund key", "reset key"), backend.calls);
    }

    @Test
    void eventDoesNotShowTheKey() {
        RecordingListener listener = new RecordingListener();
        limiter(listener).tryAcquire(WRITE, "secret");
        assertEquals(1, listener.events().size());
        String shown = listener.events().get(0).toString();
        assertFalse(shown.contains("secret"), shown);
    }

    private static RateLimitListener throwing(Throwable thrown) {
        return new RateLimitListener() {
            @Override
            public boolean isInline() {
                return true;
            }

            @Override
            public void onAllow(RateLimitEvent event) {
                throwAny(thrown);
            }

            @Override
            public void onBlock(RateLimitEvent event) {
                throwAny(thrown);
            }

            @Override
            public void onError(StoreFailure failure) {
                throwAny(thrown);
            }
        };
    }

    /** Throws checked exceptions undeclared, as code in languages without them does. */
    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void throwAny(Throwable thrown) throws T {
        throw (T) thrown;
    }

    private void assertHarmless(Throwable thrown) {
        RateLimiter limiter = limiter(throwing(thrown), new NamedListener("b"));
        assertEquals(0, limiter.tryAcquire(WRITE, "key", 2).remaining());
        assertFalse(limiter.tryAcquire(WRITE, "key").allowed());
        assertTrue(limiter.tryAcquireAll(List.of(new PermitRequest(READ, "x", 1), new PermitRequest(READ, "y", 1)))
                .allowed());
        backend.failing = "acquire key";
        assertSame(
                UNAVAILABLE,
                assertThrows(RateLimitBackendException.class, () -> limiter.tryAcquire(WRITE, "key"))
                        .getCause());
        assertEquals(
                List.of("b allow write", "b block write", "b allow read ", "b allow read ", "b error write"),
                received.stream().map(line -> line.substring(0, 13)).toList());
    }

    @Test
    void exceptionOfAListenerChangesNoDecision() {
        assertHarmless(new IllegalStateException("thrown on purpose"));
    }

    @Test
    void linkageErrorOrAssertionErrorOfAListenerChangesNoDecision() {
        assertHarmless(new NoClassDefFoundError("thrown on purpose"));
        received.clear();
        backend.failing = "nothing";
        backend.memory.reset(WRITE, "key");
        assertHarmless(new AssertionError("thrown on purpose"));
    }

    @Test
    void checkedExceptionOfAListenerChangesNoDecision() {
        assertHarmless(new IOException("thrown on purpose"));
    }

    @Test
    void acquireOrThrowThrowsTheDecisions() {
        assertEquals(0, limiter.acquireOrThrow(WRITE, "key", 2).remaining());
        RateLimitExceededException thrown =
                assertThrows(RateLimitExceededException.class, () -> limiter.acquireOrThrow(WRITE, "key"));
        assertEquals("Rate limit exceeded: write.", thrown.getMessage());
        assertEquals(
                List.of(new PermitRequest(WRITE, "key", 1)), thrown.decisions().requests());
        assertEquals(30_000_000, thrown.decisions().retryAfterMicros());
        assertEquals(WRITE.rateLimits(), thrown.decisions().list().get(0).deniedBy());
        assertSame(WRITE, thrown.policy());
        assertEquals(Duration.ofSeconds(30), thrown.retryAfter().orElseThrow());
    }

    @Test
    void negativePermitsNeverReachTheBackend() {
        for (Executable call : List.<Executable>of(
                () -> limiter.tryAcquire(WRITE, "key", -1),
                () -> limiter.async().tryAcquire(WRITE, "key", -1),
                () -> limiter.acquireOrThrow(WRITE, "key", -1),
                () -> limiter.async().peek(WRITE, "key", -1),
                () -> limiter.async().refund(WRITE, "key", -1),
                () -> limiter().tryAcquire(WRITE, "key", -1))) {
            assertThrows(IllegalArgumentException.class, call);
        }
        assertEquals(List.of(), backend.calls);
        assertEquals(List.of(), received);
    }

    @Test
    void failureIsDispatchedAndThrown() {
        backend.failing = "acquire key";
        RateLimitBackendException thrown =
                assertThrows(RateLimitBackendException.class, () -> limiter.tryAcquire(WRITE, "key"));
        assertSame(UNAVAILABLE, thrown.getCause());
        assertEquals("The rate limit backend failed: the store is unavailable", thrown.getMessage());
        assertSame(
                UNAVAILABLE,
                assertThrows(RateLimitBackendException.class, () -> limiter().tryAcquire(WRITE, "key"))
                        .getCause());
        assertEquals(List.of("a error write", "b error write"), received);
    }

    @Test
    void failureCompletesTheStage() {
        backend.failing = "acquire key";
        CompletableFuture<Decision> decision =
                limiter.async().tryAcquire(WRITE, "key", 1).toCompletableFuture();
        assertTrue(decision.isCompletedExceptionally());
        assertSame(
                UNAVAILABLE,
                assertThrows(CompletionException.class, decision::join).getCause());
        for (String verb : List.of("peek", "refund", "reset")) {
            backend.failing = verb + " key";
            assertSame(
                    UNAVAILABLE,
                    assertThrows(RateLimitBackendException.class, () -> {
                                limiter.peek(WRITE, "key", 1);
                                limiter.refund(WRITE, "key", 1);
                                limiter.reset(WRITE, "key");
                            })
                            .getCause());
        }
    }

    @Test
    void stageCompletesAfterTheBackendAndTheListeners() {
        CompletableFuture<Decision> answer = new CompletableFuture<>();
        RateLimiter limiter = RateLimiter.builder(new ForwardingBackend(backend) {
                    @Override
                    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
                        return answer;
                    }
                })
                .unguarded()
                .listeners(List.of(new NamedListener("a")))
                .build();
        CompletionStage<Decision> decision = limiter.async()
                .tryAcquire(WRITE, "key", 1)
                .thenApply(made -> {
                    received.add("the caller continues");
                    return made;
                });
        assertEquals(List.of(), received);
        answer.complete(new Decision.Denied(0, 7, 9, WRITE.rateLimits(), Decision.Source.STORE));
        assertEquals(7, decision.toCompletableFuture().join().retryAfterMicros());
        assertEquals(List.of("a block write 1", "the caller continues"), received);
    }

    @Test
    void denialInSequenceRefundsEarlierRequestsAndSkipsLaterOnes() {
        limiter.tryAcquire(WRITE, "w", 2);
        received.clear();
        Decisions decisions = limiter.tryAcquireAll(List.of(
                new PermitRequest(READ, "x", 3),
                new PermitRequest(READ, "y", 4),
                new PermitRequest(WRITE, "w", 1),
                new PermitRequest(READ, "z", 1)));
        assertFalse(decisions.allowed());
        assertEquals(
                List.of(true, true, false, false),
                decisions.list().stream().map(Decision::allowed).toList());
        assertInstanceOf(Decision.Denied.class, decisions.list().get(2));
        assertEquals(
                new Decision.Skipped(Decision.Source.STORE), decisions.list().get(3));
        assertEquals(
                List.of("acquire w", "acquire x", "acquire y", "acquire w", "refund y", "refund x"), backend.calls);
        assertEquals(10, backend.remaining(READ, "x"));
        assertEquals(10, backend.remaining(READ, "y"));
        assertEquals(List.of("a block write 1", "b block write 1"), received);
    }

    @Test
    void failureInSequenceRefundsEarlierRequests() {
        backend.failing = "acquire w";
        RateLimitBackendException thrown = assertThrows(
                RateLimitBackendException.class,
                () -> limiter.tryAcquireAll(List.of(
                        new PermitRequest(READ, "x", 3),
                        new PermitRequest(READ, "y", 4),
                        new PermitRequest(WRITE, "w", 1))));
        assertSame(UNAVAILABLE, thrown.getCause());
        assertEquals(10, backend.remaining(READ, "x"));
        assertEquals(10, backend.remaining(READ, "y"));
        assertEquals(List.of("a error read", "b error read", "a error write", "b error write"), received);
    }

    @Test
    void failureInSequenceOfAComposedStageKeepsItsType() {
        NonRetryableStoreException permanent = new NonRetryableStoreException(new IllegalStateException("WRONGTYPE"));
        RateLimiter limiter = RateLimiter.builder(new ForwardingBackend(backend) {
                    @Override
                    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
                        return CompletableFuture.<Decision>failedFuture(permanent)
                                .thenApply(decision -> decision);
                    }

                    @Override
                    public CompletionStage<List<Decision>> acquireAll(List<PermitRequest> requests) {
                        return new SequentialAcquire(
                                        request -> acquire(request.policy(), request.key(), request.permits()),
                                        (request, chargedAt) ->
                                                refund(request.policy(), request.key(), request.permits(), chargedAt),
                                        requests)
                                .acquire();
                    }
                })
                .unguarded()
                .build();
        assertSame(
                permanent,
                assertThrows(
                        NonRetryableStoreException.class,
                        () -> limiter.tryAcquireAll(
                                List.of(new PermitRequest(READ, "x", 3), new PermitRequest(READ, "y", 4)))));
    }

    @Test
    void failedRefundIsLostAndDoesNotHideTheDenial() {
        limiter.tryAcquire(WRITE, "w", 2);
        backend.failing = "refund y";
        Decisions decisions = limiter.tryAcquireAll(List.of(
                new PermitRequest(READ, "x", 3), new PermitRequest(READ, "y", 4), new PermitRequest(WRITE, "w", 1)));
        assertFalse(decisions.allowed());
        assertEquals(10, backend.remaining(READ, "x"));
        assertEquals(6, backend.remaining(READ, "y"));
    }

    @Test
    void refundOfDecisionsGivesBackEachChargedRequest() {
        Decisions decisions =
                limiter.tryAcquireAll(List.of(new PermitRequest(READ, "x", 3), new PermitRequest(READ, "y", 4)));
        Decisions uncharged = new Decisions(
                List.of(new PermitRequest(READ, "x", 5), new PermitRequest(READ, "y", 5)),
                List.of(
                        new Decision.Allowed(1, 1, Decision.Source.FALLBACK),
                        new Decision.Skipped(Decision.Source.STORE)));
        limiter.async().refund(decisions.and(uncharged)).toCompletableFuture().join();
        assertEquals(List.of("acquire x", "acquire y", "refund x", "refund y"), backend.calls);
        assertEquals(10, backend.remaining(READ, "x"));
        assertEquals(10, backend.remaining(READ, "y"));
    }

    @Test
    void severalGrantsAreDispatchedOneByOne() {
        assertTrue(limiter.tryAcquireAll(List.of(new PermitRequest(READ, "x", 3), new PermitRequest(WRITE, "y", 1)))
                .allowed());
        assertEquals(
                List.of("a allow read 3", "b allow read 3", "a allow write ", "b allow write "),
                received.stream().map(line -> line.substring(0, 14)).toList());
        assertEquals(7, backend.remaining(READ, "x"));
        assertEquals(1, backend.remaining(WRITE, "y"));
    }

    @Test
    void singleRequestOfAListIsAnAcquire() {
        assertTrue(
                limiter.tryAcquireAll(List.of(new PermitRequest(WRITE, "w", 2))).allowed());
        assertFalse(
                limiter.tryAcquireAll(List.of(new PermitRequest(WRITE, "w", 1))).allowed());
        backend.failing = "acquire w";
        assertSame(
                UNAVAILABLE,
                assertThrows(
                                RateLimitBackendException.class,
                                () -> limiter.tryAcquireAll(List.of(new PermitRequest(WRITE, "w", 1))))
                        .getCause());
        assertEquals(List.of("acquire w", "acquire w", "acquire w"), backend.calls);
    }

    @Test
    void backendWithoutBlocksFailsABlock() {
        RateLimitBackendException thrown = assertThrows(
                NonRetryableStoreException.class, () -> limiter.block(WRITE, "key", Duration.ofMinutes(1)));
        assertTrue(thrown.getMessage().contains("FailingBackend does not block keys; override"), thrown.getMessage());
        assertTrue(limiter.tryAcquire(WRITE, "key").allowed());
    }

    @Test
    void blockLasts1MicrosecondTo366Days() {
        RateLimiter limiter = RateLimiter.inMemory();
        for (Duration wrong : List.of(
                Duration.ZERO,
                Duration.ofNanos(999),
                Duration.ofSeconds(-1),
                Duration.ofDays(366).plusNanos(1_000),
                Duration.ofSeconds(Long.MAX_VALUE))) {
            String message = assertThrows(IllegalArgumentException.class, () -> limiter.block(WRITE, "key", wrong))
                    .getMessage();
            assertEquals("The duration of a block is " + wrong + "; it must be 1 microsecond to 366 days.", message);
        }
        assertTrue(limiter.tryAcquire(WRITE, "key").allowed());
        limiter.block(WRITE, "key", Duration.ofDays(366));
        assertFalse(limiter.tryAcquire(WRITE, "key").allowed());
        limiter.reset(WRITE, "key");
        assertTrue(limiter.tryAcquire(WRITE, "key").allowed());
    }

    @Test
    void limiterInMemoryNeedsNoConfiguration() {
        RateLimiter limiter = RateLimiter.inMemory();
        assertTrue(limiter.tryAcquire(WRITE, "key", 2).allowed());
        assertFalse(limiter.tryAcquire(WRITE, "key").allowed());
    }

    @Test
    void limiterOverAnotherBackendSharesListenersAndCounts() {
        limiter.counts();
        RateLimiter beside = limiter.over(new MemoryBackend(() -> NOW, 10));
        assertTrue(beside.tryAcquire(WRITE, "key").allowed());
        assertEquals(List.of(), backend.calls);
        assertEquals(2, received.size());
        assertEquals(1, limiter.counts().all().get(0).decisions());
    }
}
