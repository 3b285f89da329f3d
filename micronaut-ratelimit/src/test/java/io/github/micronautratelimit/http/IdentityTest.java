package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;

import org.junit.jupiter.api.Test;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimitEvent;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.config.Policies;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.client.HttpClient;
import io.micronaut.runtime.server.EmbeddedServer;
import jakarta.inject.Named;
import jakarta.inject.Singleton;

/** Who is limited stays between the client and this process. */
class IdentityTest {

    private static final List<String> IDENTITIES = List.of("alice-4711", "token-4711", "127.0.0.1");

    @Test
    void withASecretNothingReadableAndNothingThatCanBeGuessedReachesStoreListenersLogOrHeaders() {
        Set<String> plain = ConcurrentHashMap.newKeySet();
        for (String secret : List.of("a secret of some length", "quite another secret")) {
            try (Log log = new Log(); EmbeddedServer server = start(Map.of("ratelimit.secret", secret));
                    HttpClient client = server.getApplicationContext().createBean(HttpClient.class, server.getURL())) {
                Calls calls = new Calls(client);
                HttpResponse<?> response = calls.get("/who", "X-API-Key", "alice-4711", "Authorization", "Bearer token-4711");
                assertEquals(200, response.code());
                HttpResponse<?> denied = calls.get("/who", "X-API-Key", "alice-4711", "Authorization", "Bearer token-4711");
                assertEquals(429, denied.code());
                Seen seen = server.getApplicationContext().getBean(Seen.class);
                String all = seen.texts + " " + log.lines() + " " + response.getHeaders().asMap() + denied.getHeaders().asMap()
                        + denied.getBody(String.class);
                for (String identity : IDENTITIES) {
                    for (String trace : List.of(identity, KeyHash.of(identity), KeyHash.brief(identity),
                            KeyHash.of(KeyHash.of(identity)))) {
                        assertTrue(!all.contains(trace), trace + " in " + all);
                    }
                }
                assertEquals(6, seen.texts.size(), "three keys, each seen by the store and hashed by the listener");
                assertTrue(seen.texts.stream().allMatch(plain::add), "another secret, other keys");
            }
        }
    }

    @Test
    void codeThatNamesAUserMeansTheSameKeyAsARouteAlsoWithASecret() {
        try (EmbeddedServer server = start(Map.of("ratelimit.secret", "a secret of some length"));
                HttpClient client = server.getApplicationContext().createBean(HttpClient.class, server.getURL())) {
            Policy policy = server.getApplicationContext().getBean(Policies.class).get("by-api-key");
            RateLimiter limiter = server.getApplicationContext().getBean(RateLimiter.class);
            assertTrue(limiter.acquire(policy, "alice").allowed());
            assertEquals(429, new Calls(client).get("/who", "X-API-Key", "alice").code());
            limiter.refund(policy, "alice", 1);
            assertEquals(1, limiter.peek(policy, "alice", 0).remaining());
            limiter.acquire(policy, "alice");
            limiter.reset(policy, "alice");
            assertEquals(200, new Calls(client).get("/who", "X-API-Key", "alice").code());
            assertNotEquals(0, server.getApplicationContext().getBean(Seen.class).texts.size());
        }
    }

    private static EmbeddedServer start(Map<String, Object> settings) {
        Map<String, Object> all = new LinkedHashMap<>(settings);
        all.put("spec", "IdentityTest");
        all.put("micronaut.server.port", -1);
        all.put("ratelimit.backend", "watched");
        all.put("ratelimit.policies.by-api-key.limits", "1/min");
        return ApplicationContext.run(EmbeddedServer.class, all, "test");
    }

    @Controller
    @Requires(property = "spec", value = "IdentityTest")
    static class Routes {

        @Get("/who")
        @RateLimit(policy = "by-api-key", key = "{api-key}")
        @RateLimit(value = "10/min", key = "{bearer-token}")
        @RateLimit("10/min")
        String who() {
            return "ok";
        }
    }

    /** Every text that a store or a listener could keep. */
    @Singleton
    @Requires(property = "spec", value = "IdentityTest")
    static class Seen implements RateLimitListener {

        final Set<String> texts = ConcurrentHashMap.newKeySet();

        @Override
        public boolean isInline() {
            return true;
        }

        @Override
        public void onAllow(RateLimitEvent event) {
            texts.add(event.keyHash());
        }

        @Override
        public void onBlock(RateLimitEvent event) {
            texts.add(event.keyHash());
        }
    }

    @Singleton
    @Named("watched")
    @Requires(property = "spec", value = "IdentityTest")
    static class Watched implements RateLimitBackend {

        private final Seen seen;
        private final MemoryBackend memory;

        Watched(Seen seen, MicroClock clock) {
            this.seen = seen;
            this.memory = new MemoryBackend(clock, 1_000);
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            seen.texts.add(key);
            return memory.acquire(policy, key, permits);
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return memory.peek(policy, key, permits);
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits) {
            return memory.refund(policy, key, permits);
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return memory.reset(policy, key);
        }
    }
}
