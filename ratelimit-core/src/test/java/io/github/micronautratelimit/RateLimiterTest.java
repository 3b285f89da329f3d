package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

import io.github.micronautratelimit.memory.MemoryBackend;

class RateLimiterTest {

    private static final long NOW = 1_790_000_000_123_456L;
    private static final Policy WRITE = Policy.of("write", "2/min");
    private static final Policy READ = Policy.of("read", "10/min");
    private static final RuntimeException BROKEN = new IllegalStateException("the store is away");

    private final List<String> told = new ArrayList<>();
    private final FailingBackend backend = new FailingBackend();
    private final RateLimiter limiter = new RateLimiter(backend, List.of(new Note("a"), new Note("b")));

    /** Decides in memory, but asks several policies in turn, and fails for a key and a verb it was told. */
    private static final class FailingBackend implements RateLimitBackend {

        private final MemoryBackend memory = new MemoryBackend(() -> NOW, 100);
        private final List<String> asked = new ArrayList<>();
        private String failing = "nothing";

        private <T> CompletionStage<T> answer(String verb, String key, CompletionStage<T> answer) {
            asked.add(verb + " " + key);
            return failing.equals(verb + " " + key) ? CompletableFuture.failedFuture(BROKEN) : answer;
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return answer("acquire", key, failing.equals("acquire " + key)
                    ? CompletableFuture.failedFuture(BROKEN) : memory.acquire(policy, key, permits));
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return answer("peek", key, memory.peek(policy, key, permits));
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits) {
            return answer("refund", key, failing.equals("refund " + key)
                    ? CompletableFuture.failedFuture(BROKEN) : memory.refund(policy, key, permits));
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return answer("reset", key, memory.reset(policy, key));
        }

        private long remaining(Policy policy, String key) {
            return memory.peek(policy, key, 0).join().remaining();
        }
    }

    /** Writes down what it is told. */
    private class Note implements RateLimitListener {

        private final String name;

        Note(String name) {
            this.name = name;
        }

        @Override
        public boolean isInline() {
            return true;
        }

        @Override
        public void onAllow(RateLimitEvent event) {
            told.add(name + " allow " + event.policy().name() + " " + event.permits() + " of "
                    + event.keyHash().substring(0, 8) + " left " + event.decision().remaining());
        }

        @Override
        public void onBlock(RateLimitEvent event) {
            told.add(name + " block " + event.policy().name() + " " + event.permits());
        }

        @Override
        public void onError(RateLimitFailure failure) {
            assertSame(BROKEN, failure.cause());
            told.add(name + " error " + failure.policy().name());
        }
    }

    @Test
    void aPolicyOfPlacesAloneHasNoPermitsToAskFor() {
        RateLimiter limiter = RateLimiter.inMemory();
        Policy places = Policy.of("places", "5 concurrent");
        for (Executable asked : List.<Executable>of(() -> limiter.acquire(places, "key"),
                () -> limiter.acquireAsync(places, "key", 1),
                () -> limiter.acquireAllAsync(List.of(new Ask(places, "key", 1))))) {
            assertEquals("The policy \"places\" limits only how many at once, 5 concurrent; ask for a lease, which is held "
                    + "and closed.", assertThrows(IllegalArgumentException.class, asked).getMessage());
        }
    }

    @Test
    void listenersAreToldInOrder() {
        String hash = KeyHash.of("key").substring(0, 8);
        limiter.acquire(WRITE, "key", 2);
        limiter.acquire(WRITE, "key");
        assertEquals(List.of("a allow write 2 of " + hash + " left 0", "b allow write 2 of " + hash + " left 0",
                "a block write 1", "b block write 1"), told);
    }

    @Test
    void listenersAreNotToldOfLooksRefundsAndResets() {
        limiter.peek(WRITE, "key", 1);
        limiter.refund(WRITE, "key", 1);
        limiter.reset(WRITE, "key");
        assertEquals(List.of(), told);
        assertEquals(List.of("peek key", "refund key", "reset key"), backend.asked);
    }

    @Test
    void anEventDoesNotShowTheKey() {
        List<String> shown = new ArrayList<>();
        new RateLimiter(backend, List.of(new RateLimitListener() {
            @Override
            public boolean isInline() {
                return true;
            }

            @Override
            public void onAllow(RateLimitEvent event) {
                shown.add(event.toString());
            }
        })).acquire(WRITE, "secret");
        assertEquals(1, shown.size());
        assertFalse(shown.get(0).contains("secret"), shown.get(0));
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
            public void onError(RateLimitFailure failure) {
                throwAny(thrown);
            }
        };
    }

    /** As code in languages without checked exceptions does. */
    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void throwAny(Throwable thrown) throws T {
        throw (T) thrown;
    }

    private void assertHarmless(Throwable thrown) {
        RateLimiter hindered = new RateLimiter(backend, List.of(throwing(thrown), new Note("b")));
        assertEquals(0, hindered.acquire(WRITE, "key", 2).remaining());
        assertFalse(hindered.acquire(WRITE, "key").allowed());
        assertTrue(hindered.acquireAll(List.of(new Ask(READ, "x", 1), new Ask(READ, "y", 1))).allowed());
        backend.failing = "acquire key";
        assertSame(BROKEN,
                assertThrows(RateLimitBackendException.class, () -> hindered.acquire(WRITE, "key")).getCause());
        assertEquals(List.of("b allow write", "b block write", "b allow read ", "b allow read ", "b error write"),
                told.stream().map(line -> line.substring(0, 13)).toList());
    }

    @Test
    void aListenerThatThrowsChangesNothing() {
        assertHarmless(new IllegalStateException("a listener's fault, thrown on purpose"));
    }

    @Test
    void aListenerThatFailsToLinkOrAssertsChangesNothing() {
        assertHarmless(new NoClassDefFoundError("thrown on purpose"));
        told.clear();
        backend.failing = "nothing";
        backend.memory.reset(WRITE, "key");
        assertHarmless(new AssertionError("thrown on purpose"));
    }

    @Test
    void aListenerThatThrowsACheckedExceptionChangesNothing() {
        assertHarmless(new IOException("thrown on purpose"));
    }

    @Test
    void acquireOrThrowCarriesTheDecision() {
        assertEquals(0, limiter.acquireOrThrow(WRITE, "key", 2).remaining());
        RateLimitExceededException thrown =
                assertThrows(RateLimitExceededException.class, () -> limiter.acquireOrThrow(WRITE, "key"));
        assertEquals("Rate limit exceeded: write.", thrown.getMessage());
        assertEquals(List.of(new Ask(WRITE, "key", 1)), thrown.decisions().asks());
        assertEquals(30_000_000, thrown.decisions().retryAfterMicros());
        assertEquals(WRITE.limits(), thrown.decisions().each().get(0).deniedBy());
    }

    @Test
    void negativePermitsNeverReachTheBackend() {
        assertThrows(IllegalArgumentException.class, () -> limiter.acquire(WRITE, "key", -1));
        assertThrows(IllegalArgumentException.class, () -> limiter.acquireAsync(WRITE, "key", -1));
        assertThrows(IllegalArgumentException.class, () -> limiter.acquireOrThrow(WRITE, "key", -1));
        assertThrows(IllegalArgumentException.class, () -> limiter.peekAsync(WRITE, "key", -1));
        assertThrows(IllegalArgumentException.class, () -> limiter.refundAsync(WRITE, "key", -1));
        assertThrows(IllegalArgumentException.class,
                () -> new RateLimiter(backend, List.of()).acquire(WRITE, "key", -1));
        assertEquals(List.of(), backend.asked);
        assertEquals(List.of(), told);
    }

    @Test
    void aFailureIsToldAndThrown() {
        backend.failing = "acquire key";
        RateLimitBackendException thrown =
                assertThrows(RateLimitBackendException.class, () -> limiter.acquire(WRITE, "key"));
        assertSame(BROKEN, thrown.getCause());
        assertEquals("The rate limit backend failed: the store is away", thrown.getMessage());
        assertSame(BROKEN, assertThrows(RateLimitBackendException.class,
                () -> new RateLimiter(backend, List.of()).acquire(WRITE, "key")).getCause());
        assertEquals(List.of("a error write", "b error write"), told);
    }

    @Test
    void aFailureCompletesTheStage() {
        backend.failing = "acquire key";
        CompletableFuture<Decision> decision = limiter.acquireAsync(WRITE, "key", 1).toCompletableFuture();
        assertTrue(decision.isCompletedExceptionally());
        assertSame(BROKEN, assertThrows(CompletionException.class, decision::join).getCause());
        for (String verb : List.of("peek", "refund", "reset")) {
            backend.failing = verb + " key";
            assertSame(BROKEN, assertThrows(RateLimitBackendException.class, () -> {
                limiter.peek(WRITE, "key", 1);
                limiter.refund(WRITE, "key", 1);
                limiter.reset(WRITE, "key");
            }).getCause());
        }
    }

    @Test
    void theStageCompletesWhenTheBackendAnswersAndAfterTheListeners() {
        CompletableFuture<Decision> answer = new CompletableFuture<>();
        RateLimiter slow = new RateLimiter(new RateLimitBackend() {
            @Override
            public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
                return answer;
            }

            @Override
            public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
                return answer;
            }

            @Override
            public CompletionStage<Void> refund(Policy policy, String key, long permits) {
                return answer.thenApply(decision -> null);
            }

            @Override
            public CompletionStage<Void> reset(Policy policy, String key) {
                return answer.thenApply(decision -> null);
            }
        }, List.of(new Note("a")));
        CompletionStage<Decision> decision = slow.acquireAsync(WRITE, "key", 1).thenApply(made -> {
            told.add("the caller knows");
            return made;
        });
        assertEquals(List.of(), told);
        answer.complete(new Decision.Denied(0, 7, 9, WRITE.limits(), Decision.Source.STORE));
        assertEquals(7, decision.toCompletableFuture().join().retryAfterMicros());
        assertEquals(List.of("a block write 1", "the caller knows"), told);
    }

    @Test
    void askedInTurnADenialGivesBackWhatWasTaken() {
        limiter.acquire(WRITE, "w", 2);
        told.clear();
        Decisions decisions = limiter.acquireAll(
                List.of(new Ask(READ, "x", 3), new Ask(READ, "y", 4), new Ask(WRITE, "w", 1), new Ask(READ, "z", 1)));
        assertFalse(decisions.allowed());
        assertEquals(List.of(true, true, false), decisions.each().stream().map(Decision::allowed).toList());
        assertEquals(List.of("acquire w", "acquire x", "acquire y", "acquire w", "refund y", "refund x"),
                backend.asked);
        assertEquals(10, backend.remaining(READ, "x"));
        assertEquals(10, backend.remaining(READ, "y"));
        assertEquals(List.of("a block write 1", "b block write 1"), told);
    }

    @Test
    void askedInTurnAFailureGivesBackWhatWasTaken() {
        backend.failing = "acquire w";
        RateLimitBackendException thrown = assertThrows(RateLimitBackendException.class, () -> limiter.acquireAll(
                List.of(new Ask(READ, "x", 3), new Ask(READ, "y", 4), new Ask(WRITE, "w", 1))));
        assertSame(BROKEN, thrown.getCause());
        assertEquals(10, backend.remaining(READ, "x"));
        assertEquals(10, backend.remaining(READ, "y"));
        assertEquals(List.of("a error read", "b error read", "a error write", "b error write"), told);
    }

    @Test
    void aRefundThatFailsIsLostAndHidesNothing() {
        limiter.acquire(WRITE, "w", 2);
        backend.failing = "refund y";
        Decisions decisions = limiter.acquireAll(
                List.of(new Ask(READ, "x", 3), new Ask(READ, "y", 4), new Ask(WRITE, "w", 1)));
        assertFalse(decisions.allowed());
        assertEquals(10, backend.remaining(READ, "x"));
        assertEquals(6, backend.remaining(READ, "y"));
    }

    @Test
    void severalGrantsAreToldEach() {
        assertTrue(limiter.acquireAll(List.of(new Ask(READ, "x", 3), new Ask(WRITE, "y", 1))).allowed());
        assertEquals(List.of("a allow read 3", "b allow read 3", "a allow write ", "b allow write "),
                told.stream().map(line -> line.substring(0, 14)).toList());
        assertEquals(7, backend.remaining(READ, "x"));
        assertEquals(1, backend.remaining(WRITE, "y"));
    }

    @Test
    void oneAskIsAnAcquire() {
        assertTrue(limiter.acquireAll(List.of(new Ask(WRITE, "w", 2))).allowed());
        assertFalse(limiter.acquireAll(List.of(new Ask(WRITE, "w", 1))).allowed());
        backend.failing = "acquire w";
        assertSame(BROKEN, assertThrows(RateLimitBackendException.class,
                () -> limiter.acquireAll(List.of(new Ask(WRITE, "w", 1)))).getCause());
    }

    @Test
    void aBackendThatCannotBlockSaysSo() {
        RateLimitBackendException told = assertThrows(RateLimitDefectException.class,
                () -> limiter.block(WRITE, "key", Duration.ofMinutes(1)));
        assertTrue(told.getMessage().contains("FailingBackend does not block keys; override"), told.getMessage());
        assertTrue(limiter.acquire(WRITE, "key").allowed());
    }

    @Test
    void aBlockLastsFrom1MicrosecondTo366Days() {
        RateLimiter alone = RateLimiter.inMemory();
        for (Duration wrong : List.of(Duration.ZERO, Duration.ofNanos(999), Duration.ofSeconds(-1),
                Duration.ofDays(366).plusNanos(1_000), Duration.ofSeconds(Long.MAX_VALUE))) {
            String message = assertThrows(IllegalArgumentException.class,
                    () -> alone.block(WRITE, "key", wrong)).getMessage();
            assertEquals("A key is blocked for 1 microsecond to 366 days, not for " + wrong + ".", message);
        }
        assertTrue(alone.acquire(WRITE, "key").allowed());
        alone.block(WRITE, "key", Duration.ofDays(366));
        assertFalse(alone.acquire(WRITE, "key").allowed());
        alone.reset(WRITE, "key");
        assertTrue(alone.acquire(WRITE, "key").allowed());
    }

    @Test
    void inMemoryNeedsNothing() {
        RateLimiter alone = RateLimiter.inMemory();
        assertTrue(alone.acquire(WRITE, "key", 2).allowed());
        assertFalse(alone.acquire(WRITE, "key").allowed());
    }
}
