package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.testing.Await;
import io.github.micronautratelimit.testing.RecordingListener;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.stream.IntStream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** With a secret, neither the backend nor a listener receives a key in plain text. */
class KeySecretTest {

    private static final String SECRET = "a secret of some length";
    private static final Policy POLICY = Policy.of("p", "1/min");

    @ParameterizedTest
    @ValueSource(strings = {"", "alice", "127.0.0.1", "\u00e9\ud83d\ude80", "10000 times"})
    void keyIsConcealedByHmacSha256(String text) throws GeneralSecurityException {
        String key = text.equals("10000 times") ? text.repeat(10_000) : text;
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(SECRET.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
        assertEquals(
                Base64.getUrlEncoder()
                        .withoutPadding()
                        .encodeToString(mac.doFinal(key.getBytes(StandardCharsets.UTF_16BE))),
                new KeyHash.Secret(SECRET).conceal(key));
    }

    @Test
    void concealedKeyDependsOnTheSecretAndNotOnTheThread() {
        KeyHash.Secret secret = new KeyHash.Secret(SECRET);
        String expected = secret.conceal("alice");
        assertTrue(IntStream.range(0, 10_000).parallel().allMatch(i -> secret.conceal("alice")
                .equals(expected)));
        assertNotEquals(expected, new KeyHash.Secret("quite another secret").conceal("alice"));
    }

    @Test
    void shortSecretIsRejectedWithoutShowingIt() {
        String message = assertThrows(IllegalArgumentException.class, () -> new KeyHash.Secret("hunter2"))
                .getMessage();
        assertEquals("The secret has 7 characters; write at least 16 random ones.", message);
    }

    @Test
    void everyVerbConcealsTheKey() {
        List<String> received = new ArrayList<>();
        RecordingListener listener = new RecordingListener();
        RateLimiter limiter = limiter(received, List.of(listener));
        Decisions decisions = limiter.tryAcquireAll(
                List.of(new PermitRequest(POLICY, "alice", 1), new PermitRequest(POLICY, "alice", 2)));
        assertEquals("alice", decisions.requests().get(0).key(), "the caller receives its own request");
        limiter.tryAcquire(POLICY, "alice");
        limiter.tryAcquireAll(List.of(new PermitRequest(POLICY.withDeadline(Duration.ZERO), "alice", 1)));
        limiter.leaseAll(List.of(new PermitRequest(POLICY, "alice", 1)));
        limiter.peek(POLICY, "alice", 1);
        limiter.refund(POLICY, "alice", 1);
        limiter.async().refund(decisions);
        Reservation reservation = Await.result(limiter.async().reserve(POLICY, "alice", 1));
        Await.result(reservation.settle(0));
        Charge charge = limiter.async()
                .charge(decisions.requests().get(0), decisions.list().get(0))
                .orElseThrow();
        assertTrue(Await.result(limiter.async().refund(charge)));
        assertEquals(limiter.keyHash("alice"), charge.keyHash());
        assertFalse((charge + " " + reservation).contains("alice"));
        assertTrue(limiter.acquire(POLICY, "alice", 1, Duration.ofSeconds(1)).allowed());
        limiter.block(POLICY, "alice", Duration.ofMinutes(1));
        limiter.reset(POLICY, "alice");
        limiter(received, List.of()).tryAcquire(POLICY, "alice");

        String concealed = new KeyHash.Secret(SECRET).conceal("alice");
        assertEquals(IntStream.range(0, 16).mapToObj(i -> concealed).toList(), received);
        assertEquals(KeyHash.of(concealed), limiter.keyHash("alice"));
        assertEquals(
                List.of(KeyHash.of(concealed)),
                listener.events().stream()
                        .map(RateLimitEvent::keyHash)
                        .distinct()
                        .toList());
        assertFalse(decisions.toString().contains("alice"), decisions.toString());
    }

    private static RateLimiter limiter(List<String> received, List<RateLimitListener> listeners) {
        return RateLimiter.builder(new KeyRecordingBackend(received))
                .unguarded()
                .listeners(listeners)
                .keySecret(new KeyHash.Secret(SECRET))
                .build();
    }

    /** Allows every request and records the keys. */
    private record KeyRecordingBackend(List<String> received) implements RateLimitBackend {

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            received.add(key);
            return CompletableFuture.completedFuture(
                    new Decision.Allowed(1, 60_000_000, Decision.Source.STORE, 60_000_000, 1_790_000_000_000_000L));
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return acquire(policy, key, permits);
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
            received.add(key);
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public CompletionStage<Decision> reserve(Policy policy, String key, UUID id, long permits, long ttlMicros) {
            return acquire(policy, key, permits);
        }

        @Override
        public CompletionStage<Reservation.Settlement> settle(
                Policy policy, String key, Reservation.Receipt receipt, long actual) {
            return acquire(policy, key, 0)
                    .thenApply(after -> new Reservation.Settlement(Reservation.Outcome.SETTLED, after));
        }

        @Override
        public CompletionStage<Void> block(Policy policy, String key, long micros) {
            received.add(key);
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            received.add(key);
            return CompletableFuture.completedFuture(null);
        }
    }
}
