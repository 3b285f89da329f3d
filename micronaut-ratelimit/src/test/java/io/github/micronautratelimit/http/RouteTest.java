package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.annotation.NoRateLimit;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.tck.VirtualClock;
import io.micronaut.context.annotation.Property;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpHeaders;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Header;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.Produces;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** {@code @RateLimit} on routes. */
@MicronautTest(rebuildContext = true)
@Property(name = "spec", value = "RouteTest")
@Property(name = "ratelimit.policies.write.limits", value = "3/min")
@Property(name = "ratelimit.policies.write.key", value = "{header:X-Api-Key}")
class RouteTest {

    @Inject
    @Client("/")
    HttpClient client;

    @Inject
    VirtualClock clock;

    Calls calls;

    @BeforeEach
    void calls() {
        calls = new Calls(client);
    }

    @Test
    void requestBeyondLimitIsRejectedWith429AndRetryAfter() {
        assertEquals(List.of(200, 200, 200), calls.get("/plain", 3));

        HttpResponse<?> denied = calls.get("/plain");
        assertEquals(429, denied.code());
        assertEquals("20", denied.header(HttpHeaders.RETRY_AFTER), "3/min refills one permit in 20 s");
        assertEquals("no-store", denied.header(HttpHeaders.CACHE_CONTROL));
        assertTrue(
                denied.getBody(String.class).orElse("").contains("Try again in 20 seconds"),
                "the body contains the reason");

        clock.advance(Duration.ofSeconds(20).minusNanos(1_000));
        assertEquals("1", calls.get("/plain").header(HttpHeaders.RETRY_AFTER), "a microsecond is rounded up");
        clock.advance(1);
        assertEquals(List.of(200, 429), calls.get("/plain", 2));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/kinds/future", "/kinds/mono", "/kinds/flux", "/kinds/sync"})
    void requestCountsOnceForEveryReturnType(String path) {
        assertEquals(List.of(200, 200, 429, 429), calls.get(path, 4));
    }

    @Test
    void routesShareLimitOfClassAndAddTheirOwn() {
        assertEquals(List.of(200, 429), calls.get("/class/narrow", 2));
        assertEquals(
                List.of(200, 200, 429),
                calls.get("/class/wide", 3),
                "a denial by the limit of the method costs the class nothing");
        assertEquals(List.of(200, 200, 200, 200, 200), calls.get("/class/free", 5), "@NoRateLimit exempts");
    }

    @Test
    void configuredPolicyIsSharedAndReplacesLimitsOfAnnotation() {
        assertEquals(201, calls.post("/shop/orders", "X-Api-Key", "alice"));
        assertEquals(201, calls.post("/shop/refunds", "X-Api-Key", "alice"));
        assertEquals(201, calls.post("/shop/orders", "X-Api-Key", "alice"));
        assertEquals(429, calls.post("/shop/refunds", "X-Api-Key", "alice"));
        assertEquals(201, calls.post("/shop/refunds", "X-Api-Key", "bob"), "another key has separate permits");
    }

    @Test
    void severalLimitsAreAllOrNothing() {
        assertEquals(List.of(200, 429, 429), calls.get("/several", 3, "X-Tenant", "a"));
        assertEquals(
                List.of(200, 429),
                calls.get("/several", 2, "X-Tenant", "b"),
                "the denials of tenant a cost the address nothing; the second request of tenant b exceeds its own limit");
        assertEquals(List.of(200, 429), calls.get("/several", 2, "X-Tenant", "c"), "the third request of the address");
        assertEquals(List.of(429), calls.get("/several", 1, "X-Tenant", "d"), "the address has no permits left");
    }

    @Test
    void missingKeyPartBecomesAddressDistinctFromSentText() {
        assertEquals(List.of(200, 429), calls.get("/by-header", 2));
        assertEquals(List.of(200, 429), calls.get("/by-header", 2, "X-Tenant", "127.0.0.1"));
        assertEquals(List.of(200, 429), calls.get("/by-header", 2, "X-Tenant", "null"));
    }

    @Test
    void keyPartsThatJoinToSameTextAreDistinct() {
        assertEquals(List.of(200, 429), calls.get("/joined/ab", 2, "X-Tenant", "c"));
        assertEquals(List.of(200, 429), calls.get("/joined/a", 2, "X-Tenant", "bc"));
    }

    @Test
    void requestSetsCostAndInvalidCostIsNeverGranted() {
        assertEquals(List.of(200), calls.get("/cost", 1, "X-Cost", "7"));
        HttpResponse<?> never = calls.get("/cost", "X-Cost", "11");
        assertEquals(429, never.code());
        assertNull(never.header(HttpHeaders.RETRY_AFTER), "more than the capacity can never pass");
        assertEquals(List.of(200, 200), calls.get("/cost", 2, "X-Cost", "-5"));
        assertEquals(List.of(429), calls.get("/cost", 1, "X-Cost", "many"));
        assertEquals(List.of(200, 429), calls.get("/cost", 2));
    }

    @Test
    void unknownPathsStayNotFound() {
        assertEquals(List.of(404, 404, 404, 404, 404), calls.get("/nowhere", 5));
    }

    @Test
    void headRequestCountsAsGet() {
        assertEquals(200, calls.status(HttpRequest.HEAD("/plain")));
        assertEquals(List.of(200, 200, 429), calls.get("/plain", 3));
    }

    @Test
    void bodyReachesController() {
        String body = "x".repeat(200_000);
        assertEquals(
                "200000",
                client.toBlocking()
                        .retrieve(HttpRequest.POST("/length", body).header(HttpHeaders.CONTENT_TYPE, "text/plain")));
        assertEquals(
                429, calls.status(HttpRequest.POST("/length", body).header(HttpHeaders.CONTENT_TYPE, "text/plain")));
    }

    @Test
    void controllerReadsRemainingPermits() {
        assertEquals("4", client.toBlocking().retrieve("/remaining"));
        assertEquals("3", client.toBlocking().retrieve("/remaining"));
    }

    @Controller
    @Requires(property = "spec", value = "RouteTest")
    static class Routes {

        @Get("/plain")
        @RateLimit("3/min")
        String plain() {
            return "ok";
        }

        @Get("/several")
        @RateLimit("3/min")
        @RateLimit(value = "1/min", key = "{header:X-Tenant}")
        String several() {
            return "ok";
        }

        @Get("/by-header")
        @RateLimit(value = "1/min", key = "{header:X-Tenant}")
        String byHeader() {
            return "ok";
        }

        @Get("/joined/{id}")
        @RateLimit(value = "1/min", key = "{path:id}{header:X-Tenant}")
        String joined(String id, @Header("X-Tenant") String tenant) {
            return id + tenant;
        }

        @Get("/cost")
        @RateLimit(value = "10/h", permits = "{header:X-Cost}")
        String cost() {
            return "ok";
        }

        @Post("/length")
        @RateLimit("1/min")
        @io.micronaut.http.annotation.Consumes("text/plain")
        @Produces("text/plain")
        String length(@Body String body) {
            return Integer.toString(body.length());
        }

        @Get("/remaining")
        @Produces("text/plain")
        @RateLimit("5/min")
        String remaining(HttpRequest<?> request) {
            return Long.toString(RateLimitAttributes.decisions(request)
                    .orElseThrow()
                    .list()
                    .get(0)
                    .remaining());
        }
    }

    @Controller("/kinds")
    @Requires(property = "spec", value = "RouteTest")
    static class Kinds {

        @Get("/sync")
        @RateLimit("2/min")
        String sync() {
            return "ok";
        }

        @Get("/future")
        @RateLimit("2/min")
        CompletionStage<String> future() {
            return CompletableFuture.completedFuture("ok");
        }

        @Get("/mono")
        @RateLimit("2/min")
        Mono<String> mono() {
            return Mono.just("ok");
        }

        @Get("/flux")
        @RateLimit("2/min")
        Publisher<String> flux() {
            return Flux.just("o", "k");
        }
    }

    @Controller("/class")
    @RateLimit("3/min")
    @Requires(property = "spec", value = "RouteTest")
    static class LimitedClass {

        @Get("/wide")
        String wide() {
            return "ok";
        }

        @Get("/narrow")
        @RateLimit("1/min")
        String narrow() {
            return "ok";
        }

        @Get("/free")
        @NoRateLimit
        String free() {
            return "ok";
        }
    }

    @Controller("/shop")
    @Requires(property = "spec", value = "RouteTest")
    static class Shop {

        @Post("/orders")
        @RateLimit(policy = "write")
        HttpResponse<?> orders() {
            return HttpResponse.created("ok");
        }

        @Post("/refunds")
        @RateLimit(value = "1000/s", policy = "write")
        HttpResponse<?> refunds() {
            return HttpResponse.created("ok");
        }
    }
}
