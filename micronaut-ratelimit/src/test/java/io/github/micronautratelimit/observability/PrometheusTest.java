package io.github.micronautratelimit.observability;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.AsyncBackend;
import io.github.micronautratelimit.AsyncRateLimiter;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Eventually;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.http.Calls;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.client.HttpClient;
import io.micronaut.runtime.server.EmbeddedServer;
import jakarta.inject.Singleton;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** The metrics of a running application at /prometheus. */
class PrometheusTest {

    private static final class Application implements AutoCloseable {

        private final EmbeddedServer server;
        private final HttpClient client;
        private final Calls calls;

        Application(String... settings) {
            Map<String, Object> all = new HashMap<>(Map.of(
                    "spec",
                    "PrometheusTest",
                    "endpoints.prometheus.sensitive",
                    false,
                    "ratelimit.policies.ten.limits",
                    "10/day"));
            for (int i = 0; i < settings.length; i += 2) {
                all.put(settings[i], settings[i + 1]);
            }
            server = ApplicationContext.run(EmbeddedServer.class, all, "test");
            client = HttpClient.create(server.getURL());
            calls = new Calls(client);
        }

        <T> T bean(Class<T> type) {
            return server.getApplicationContext().getBean(type);
        }

        /** Returns the samples of this library by name and sorted tags. */
        Map<String, Double> samples() {
            Map<String, Double> samples = new TreeMap<>();
            for (String line :
                    calls.get("/prometheus").getBody(String.class).orElseThrow().split("\n")) {
                if (line.startsWith("ratelimit_")) {
                    int value = line.lastIndexOf(' ');
                    samples.put(line.substring(0, value), Double.valueOf(line.substring(value + 1)));
                }
            }
            return samples;
        }

        @Override
        public void close() {
            client.close();
            server.close();
        }
    }

    private static String decisions(String policy, String origin, String outcome, String source) {
        return "ratelimit_decisions_total{origin=\"" + origin + "\",outcome=\"" + outcome + "\",policy=\"" + policy
                + "\",source=\"" + source + "\"}";
    }

    @Test
    void decisionsInMemoryAreCountedByPolicyOutcomeSourceAndOrigin() {
        try (Application application = new Application()) {
            assertEquals(List.of(200, 200, 200, 429, 429), application.calls.get("/shown/route", 5));
            assertEquals(List.of(200, 429), application.calls.get("/shown/bean", 2));
            application
                    .bean(RateLimiter.class)
                    .tryAcquire(application.bean(PolicyRegistry.class).get("ten"), "somebody", 9);

            Map<String, Double> samples = application.samples();
            assertEquals(3, samples.get(decisions("three", "http", "allowed", "store")));
            assertEquals(2, samples.get(decisions("three", "http", "denied", "store")));
            assertEquals(1, samples.get(decisions("one", "method", "allowed", "store")));
            assertEquals(1, samples.get(decisions("one", "method", "denied", "store")));
            assertEquals(1, samples.get(decisions("ten", "code", "allowed", "store")));
            assertEquals(
                    5,
                    samples.keySet().stream()
                            .filter(name -> name.startsWith("ratelimit_decisions"))
                            .count());
            assertEquals(
                    9, samples.get(decisions("ten", "code", "allowed", "store").replace("decisions", "permits")));
            assertEquals(
                    1, samples.get("ratelimit_near_limit_total{origin=\"http\",policy=\"three\",source=\"store\"}"));
            assertEquals(1, samples.get("ratelimit_near_limit_total{origin=\"code\",policy=\"ten\",source=\"store\"}"));
            assertEquals(3, samples.get("ratelimit_keys_live"));
            assertEquals(0, samples.get("ratelimit_keys_over_bound_total"));
            assertEquals(0, samples.get("ratelimit_listener_failures_total"));
            assertEquals(0, samples.get("ratelimit_listener_dropped_total"));
            assertFalse(
                    samples.keySet().stream().anyMatch(name -> name.contains("backend=")),
                    "the memory backend is not a store");
        }
    }

    @Test
    void settlementsHaveMetrics() {
        try (Application application = new Application()) {
            AsyncRateLimiter limiter = application.bean(RateLimiter.class).async();
            Policy ten = application.bean(PolicyRegistry.class).get("ten");
            limiter.reserve(ten, "somebody", 4)
                    .thenCompose(reservation -> reservation.settle(1))
                    .toCompletableFuture()
                    .join();
            limiter.reserve(ten, "somebody", 2)
                    .thenCompose(reservation -> reservation.settle(9))
                    .toCompletableFuture()
                    .join();
            Map<String, Double> samples = application.samples();
            String settled = "ratelimit_permits_settled_total{direction=\"%s\",origin=\"code\",policy=\"ten\","
                    + "source=\"store\"}";
            assertEquals(3, samples.get(settled.formatted("refunded")));
            assertEquals(7, samples.get(settled.formatted("charged")));
        }
    }

    @Test
    void noMetricContainsAKeyOrItsHash() {
        try (Application application = new Application()) {
            application
                    .bean(RateLimiter.class)
                    .tryAcquire(application.bean(PolicyRegistry.class).get("ten"), "somebody", 9);
            String samples = application.samples().toString();
            assertTrue(samples.contains("ten"));
            assertFalse(samples.contains("somebody"));
            assertFalse(samples.contains(KeyHash.of("somebody")));
            assertFalse(samples.contains(KeyHash.brief("somebody")));
        }
    }

    @Test
    void aStoreHasMetricsOfCallsBreakerAndSavedCalls() throws Exception {
        try (Application application = new Application("ratelimit.backend", "async", "ratelimit.deadline", "30s")) {
            assertEquals(List.of(200, 200, 200, 429, 429), application.calls.get("/shown/route", 5));
            Map<String, Double> before = application.samples();
            assertEquals(
                    4,
                    before.get("ratelimit_store_seconds_count"
                            + "{backend=\"async\",operation=\"acquire\",outcome=\"answered\"}"));
            assertEquals(
                    4,
                    before.get("ratelimit_store_seconds_bucket"
                            + "{backend=\"async\",operation=\"acquire\",outcome=\"answered\",le=\"+Inf\"}"));
            assertTrue(
                    before.containsKey("ratelimit_store_seconds_bucket"
                            + "{backend=\"async\",operation=\"acquire\",outcome=\"answered\",le=\"0.001\"}"),
                    before::toString);
            assertEquals(1, before.get(decisions("three", "http", "denied", "store")));
            assertEquals(1, before.get(decisions("three", "http", "denied", "deny_cache")));
            assertEquals(1, before.get("ratelimit_deny_cache_hits_total"));
            assertEquals(0, before.get("ratelimit_local_limit_denials_total"));
            assertEquals(0, before.get("ratelimit_prefetch_held"));
            assertEquals(0, before.get("ratelimit_prefetch_granted_total"));
            assertEquals(1, before.get("ratelimit_breaker_state{backend=\"async\",state=\"closed\"}"));
            assertEquals(0, before.get("ratelimit_breaker_state{backend=\"async\",state=\"open\"}"));
            assertEquals(0, before.get("ratelimit_outage{backend=\"async\"}"));
            assertEquals(0, before.get("ratelimit_fallback_time_seconds_total{backend=\"async\"}"));
            assertEquals(1, before.get("ratelimit_keys_live"), "the local fallback follows the store");
            assertEquals(0, before.get("ratelimit_keys_over_bound_total"));

            application.bean(AsyncBackend.class).mood = AsyncBackend.Mood.FAILS;
            application
                    .bean(RateLimiter.class)
                    .tryAcquire(application.bean(PolicyRegistry.class).get("ten"), "somebody", 9);
            Map<String, Double> outage = application.samples();
            assertEquals(1, outage.get(decisions("ten", "code", "allowed", "fallback")));
            assertEquals(2, outage.get("ratelimit_keys_live"), "the local fallback counts the key");
            Decision denied = application
                    .bean(RateLimiter.class)
                    .tryAcquire(
                            application.bean(PolicyRegistry.class).get("ten").withOnError(OnError.CLOSED), "somebody");
            assertTrue(!denied.allowed());
            Map<String, Double> closed = application.samples();
            assertEquals(1, closed.get(decisions("ten", "code", "unavailable", "fallback")));
            assertNull(closed.get(decisions("ten", "code", "denied", "fallback")));
            assertEquals(
                    0, outage.get("ratelimit_near_limit_total{origin=\"code\",policy=\"ten\",source=\"fallback\"}"));
            assertEquals(1, outage.get("ratelimit_store_failures_total{backend=\"async\"}"));
            assertTrue(
                    outage.get("ratelimit_store_seconds_count"
                                    + "{backend=\"async\",operation=\"acquire\",outcome=\"failed\"}")
                            >= 1,
                    "probes may follow");
            // A failed call is followed by a probe, whose failure begins the outage.
            Eventually.equal(
                    true,
                    () -> application.samples().get("ratelimit_fallback_time_seconds_total{backend=\"async\"}") > 0);
        }
    }

    @Test
    void aPropertyDisablesTheMetrics() {
        try (Application application = new Application("micronaut.metrics.binders.ratelimit.enabled", "false")) {
            assertEquals(List.of(200), application.calls.get("/shown/route", 1));
            assertEquals(Map.of(), application.samples());
        }
    }

    @Singleton
    @Requires(property = "spec", value = "PrometheusTest")
    static class Counted {

        @RateLimit(policy = "one", value = "1/day")
        void call() {}
    }

    @Controller("/shown")
    @Requires(property = "spec", value = "PrometheusTest")
    static class ShownController {

        private final Counted counted;

        ShownController(Counted counted) {
            this.counted = counted;
        }

        @Get("/route")
        @RateLimit(policy = "three", value = "3/day")
        String route() {
            return "ok";
        }

        @Get("/bean")
        String bean() {
            counted.call();
            return "ok";
        }
    }
}
