package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.stream.IntStream;

import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** With a secret, nobody below the limiter learns a key. */
class KeySecretTest {

    private static final String SECRET = "a secret of some length";
    private static final Policy POLICY = Policy.of("p", "1/min");

    @ParameterizedTest
    @ValueSource(strings = {"", "alice", "127.0.0.1", "\u00e9\ud83d\ude80", "10000 times"})
    void aKeyIsConcealedByHmacSha256(String text) throws GeneralSecurityException {
        String key = text.equals("10000 times") ? text.repeat(10_000) : text;
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(SECRET.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
        assertEquals(Base64.getUrlEncoder().withoutPadding().encodeToString(mac.doFinal(key.getBytes(StandardCharsets.UTF_16BE))),
                new KeySecret(SECRET).conceal(key));
    }

    @Test
    void itIsTheSameOnEveryThreadAndAnotherUnderAnotherSecret() {
        KeySecret secret = new KeySecret(SECRET);
        String expected = secret.conceal("alice");
        assertTrue(IntStream.range(0, 10_000).parallel().allMatch(i -> secret.conceal("alice").equals(expected)));
        assertNotEquals(expected, new KeySecret("quite another secret").conceal("alice"));
    }

    @Test
    void aShortSecretIsRefusedWithoutRepeatingIt() {
        String message = assertThrows(IllegalArgumentException.class, () -> new KeySecret("hunter2")).getMessage();
        assertEquals("A secret has at least 16 characters, not 7; write a random one.", message);
    }

    @Test
    void everyVerbOfALimiterConcealsAlike() {
        List<String> seen = new ArrayList<>();
        List<String> heard = new ArrayList<>();
        RateLimitListener listener = new RateLimitListener() {
            @Override
            public boolean isInline() {
                return true;
            }

            @Override
            public void onAllow(RateLimitEvent event) {
                heard.add(event.keyHash());
            }
        };
        RateLimiter limiter = new RateLimiter(new Watched(seen), List.of(listener), new KeySecret(SECRET));
        Decisions decisions = limiter.acquireAll(List.of(new Ask(POLICY, "alice", 1), new Ask(POLICY, "alice", 2)));
        assertEquals("alice", decisions.asks().get(0).key(), "the caller is told what he asked");
        limiter.acquire(POLICY, "alice");
        limiter.acquireAllAtOnce(List.of(new Ask(POLICY, "alice", 1)));
        limiter.peek(POLICY, "alice", 1);
        limiter.refund(POLICY, "alice", 1);
        limiter.block(POLICY, "alice", Duration.ofMinutes(1));
        limiter.reset(POLICY, "alice");
        new RateLimiter(new Watched(seen), List.of(), new KeySecret(SECRET)).acquire(POLICY, "alice");

        String concealed = new KeySecret(SECRET).conceal("alice");
        assertEquals(IntStream.range(0, 9).mapToObj(i -> concealed).toList(), seen);
        assertEquals(List.of(KeyHash.of(concealed)), heard.stream().distinct().toList());
        assertFalse(decisions.toString().contains("alice"), decisions.toString());
    }

    /** Grants everything and notes the keys. */
    private record Watched(List<String> seen) implements RateLimitBackend {

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            seen.add(key);
            return CompletableFuture.completedFuture(new Decision.Allowed(1, 0, Decision.Source.STORE));
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return acquire(policy, key, permits);
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits) {
            seen.add(key);
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public CompletionStage<Void> block(Policy policy, String key, long micros) {
            seen.add(key);
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            seen.add(key);
            return CompletableFuture.completedFuture(null);
        }
    }
}
