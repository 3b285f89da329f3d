package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimitEvent;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.client.HttpClient;
import io.micronaut.runtime.server.EmbeddedServer;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;

/** With a secret, keys stay between the client and this process. */
class KeySecretTest {

    private static final List<String> IDENTITIES = List.of("alice-4711", "token-4711", "127.0.0.1");

    @Test
    void secretConcealsKeysFromStoreListenersLogAndHeaders() {
        Set<String> distinct = ConcurrentHashMap.newKeySet();
        for (String secret : List.of("a secret of some length", "quite another secret")) {
            try (Log log = new Log();
                    EmbeddedServer server = start(Map.of("ratelimit.secret", secret));
                    HttpClient client = server.getApplicationContext().createBean(HttpClient.class, server.getURL())) {
                Calls calls = new Calls(client);
                HttpResponse<?> response =
                        calls.get("/limited", "X-API-Key", "alice-4711", "Authorization", "Bearer token-4711");
                assertEquals(200, response.code());
                HttpResponse<?> denied =
                        calls.get("/limited", "X-API-Key", "alice-4711", "Authorization", "Bearer token-4711");
                assertEquals(429, denied.code());
                Recorder recorder = server.getApplicationContext().getBean(Recorder.class);
                String all = recorder.texts + " " + log.lines() + " "
                        + response.getHeaders().asMap() + denied.getHeaders().asMap() + denied.getBody(String.class);
                for (String identity : IDENTITIES) {
                    for (String form : List.of(
                            identity,
                            KeyHash.of(identity),
                            KeyHash.of("{ip}" + identity),
                            KeyHash.of("{header:x-api-key}" + identity),
                            KeyHash.brief(identity),
                            KeyHash.of(KeyHash.of(identity)))) {
                        assertTrue(!all.contains(form), form + " in " + all);
                    }
                }
                assertEquals(6, recorder.texts.size(), "three keys, each as the store and as the listener receives it");
                assertTrue(recorder.texts.stream().allMatch(distinct::add), "another secret gives other keys");
            }
        }
    }

    @Test
    void codeAndRouteShareKeyWithSecret() {
        try (EmbeddedServer server = start(Map.of("ratelimit.secret", "a secret of some length"));
                HttpClient client = server.getApplicationContext().createBean(HttpClient.class, server.getURL())) {
            Policy policy =
                    server.getApplicationContext().getBean(PolicyRegistry.class).get("by-api-key");
            String key = "{header:x-api-key}alice";
            RateLimiter limiter = server.getApplicationContext().getBean(RateLimiter.class);
            assertTrue(limiter.tryAcquire(policy, key).allowed());
            assertEquals(
                    429, new Calls(client).get("/limited", "X-API-Key", "alice").code());
            limiter.refund(policy, key, 1);
            assertEquals(1, limiter.peek(policy, key, 0).remaining());
            limiter.tryAcquire(policy, key);
            limiter.reset(policy, key);
            assertEquals(
                    200, new Calls(client).get("/limited", "X-API-Key", "alice").code());
            assertNotEquals(
                    0,
                    server.getApplicationContext().getBean(Recorder.class).texts.size());
        }
    }

    private static EmbeddedServer start(Map<String, Object> properties) {
        Map<String, Object> all = new LinkedHashMap<>(properties);
        all.put("spec", "KeySecretTest");
        all.put("micronaut.server.port", -1);
        all.put("ratelimit.backend", "recorded");
        all.put("ratelimit.policies.by-api-key.limits", "1/min");
        return ApplicationContext.run(EmbeddedServer.class, all, "test");
    }

    @Controller
    @Requires(property = "spec", value = "KeySecretTest")
    static class Routes {

        @Get("/limited")
        @RateLimit(policy = "by-api-key", key = "{api-key}")
        @RateLimit(value = "10/min", key = "{bearer-token}")
        @RateLimit("10/min")
        String limited() {
            return "ok";
        }
    }

    /** Records every text that a store or a listener receives. */
    @Singleton
    @Requires(property = "spec", value = "KeySecretTest")
    static class Recorder implements RateLimitListener {

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
    @Named("recorded")
    @Requires(property = "spec", value = "KeySecretTest")
    static class RecordedBackend implements RateLimitBackend {

        private final Recorder recorder;
        private final MemoryBackend memory;

        RecordedBackend(Recorder recorder, MicroClock clock) {
            this.recorder = recorder;
            this.memory = new MemoryBackend(clock, 1_000);
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            recorder.texts.add(key);
            return memory.acquire(policy, key, permits);
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return memory.peek(policy, key, permits);
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
            return memory.refund(policy, key, permits, chargedAtMicros);
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return memory.reset(policy, key);
        }
    }
}
