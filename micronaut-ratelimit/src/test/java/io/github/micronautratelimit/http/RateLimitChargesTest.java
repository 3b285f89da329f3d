package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Eventually;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.github.micronautratelimit.tck.VirtualClock;
import io.github.micronautratelimit.web.RequestKeys;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.QueryValue;
import io.micronaut.http.exceptions.HttpStatusException;
import io.micronaut.http.sse.Event;
import jakarta.inject.Singleton;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Requests whose estimated cost is replaced by the real one. */
class RateLimitChargesTest {

    private static final Map<String, Object> CONFIGURED = Map.of(
            "ratelimit.policies.tokens.limits",
            "100/min",
            "ratelimit.policies.tokens.key",
            "{global}",
            "ratelimit.policies.requests.limits",
            "10/min",
            "ratelimit.policies.requests.key",
            "{global}",
            "ratelimit.policies.fair.limits",
            "100/min",
            "ratelimit.policies.fair.key",
            "{global}",
            "ratelimit.policies.fair.refund-on",
            "5xx",
            "ratelimit.policies.failures.limits",
            "100/min",
            "ratelimit.policies.failures.key",
            "{global}",
            "ratelimit.policies.failures.charge-on",
            "401");

    private final TestServer server = TestServer.start(RateLimitChargesTest.class, CONFIGURED);

    @AfterEach
    void stop() {
        server.close();
    }

    private long left(String policy) {
        return server.context()
                .getBean(RateLimiter.class)
                .peek(server.context().getBean(PolicyRegistry.class).get(policy), RequestKeys.GLOBAL, 0)
                .remaining();
    }

    private HttpResponse<?> get(String path, int estimate) {
        return server.calls().get(path, "X-Estimate", Integer.toString(estimate));
    }

    private static String remaining(HttpResponse<?> response, String policy) {
        String header = String.join(",", response.getHeaders().getAll("RateLimit"));
        return header.replaceAll(".*\"" + policy + "\";r=(\\d+).*", "$1");
    }

    @ParameterizedTest
    @CsvSource({
        "settled?actual=30, 70",
        "settled?actual=10, 90",
        "settled?actual=0, 100",
        "settled?actual=45, 55",
        "settled?actual=100, 0",
        "settled?actual=-1, 70",
        "settled?actual=-9223372036854775808, 70",
        "settled?actual=10&actual=90, 90",
        "settled?actual=-1&actual=10, 90",
        "settled, 70",
        "named?policy=tokens&actual=10, 90",
        "named?policy=wrong&actual=10, 70",
        "named?policy=&actual=10, 70",
        "reactive?actual=10, 90",
        "future?actual=10, 90",
        "blocking?actual=10, 90"
    })
    void realCostReplacesTheEstimateOnce(String path, long left) {
        HttpResponse<?> response = get("/" + path, 30);
        assertEquals(200, response.code());
        assertEquals(left, left("tokens"));
        assertEquals(Long.toString(left), remaining(response, "tokens"));
        assertEquals(9, left("requests"), "a fixed cost is not an estimate");
        assertEquals("9", remaining(response, "requests"));
    }

    @Test
    void fixedCostIsSettledByName() {
        assertEquals(200, get("/named?policy=requests&actual=4", 30).code());
        assertEquals(6, left("requests"));
        assertEquals(70, left("tokens"));
    }

    @Test
    void estimatesOfTheBodyAndOfAnExpressionAreSettled() {
        HttpRequest<?> body =
                HttpRequest.POST("/body?actual=10", "x".repeat(120)).contentType(MediaType.TEXT_PLAIN);
        assertEquals(200, server.calls().exchange(body).code());
        assertEquals(90, left("tokens"));
        assertEquals(200, get("/expression?estimate=40&actual=15", 1).code());
        assertEquals(75, left("tokens"), "decided at the call");
        assertEquals(8, left("requests"));
    }

    @Test
    void debtIsRepaidBeforeTheNextRequestPasses() {
        assertEquals(200, get("/settled?actual=150", 30).code());
        assertEquals(0, left("tokens"));
        HttpResponse<?> denied = get("/settled?actual=0", 1);
        assertEquals(429, denied.code());
        assertEquals("31", denied.header("Retry-After"), "50 permits of debt and one, at 100 in 60 s");
        assertEquals(9, left("requests"), "a denied request costs nothing and settles nothing");
        VirtualClock clock = server.context().getBean(VirtualClock.class);
        clock.advance(Duration.ofMillis(30_599));
        assertEquals(429, get("/settled?actual=0", 1).code());
        clock.advance(Duration.ofMillis(1));
        assertEquals(200, get("/settled", 1).code());
        assertEquals(0, left("tokens"));
    }

    @Test
    void debtIsBoundedByTheCapacity() {
        assertEquals(200, get("/settled?actual=9223372036854775807", 30).code());
        assertEquals("61", get("/settled", 1).header("Retry-After"));
    }

    @ParameterizedTest
    @CsvSource({
        "fair/500?actual=10, fair, 90",
        "fair/500?actual=100, fair, 0",
        "fair/500, fair, 100",
        "fair/200?actual=10, fair, 90",
        "thrown/503?actual=10, fair, 90",
        "thrown/503, fair, 100",
        "failures/401?actual=10, failures, 90",
        "failures/200?actual=10, failures, 90",
        "failures/200, failures, 100"
    })
    void settledChargeIsNotGivenBackByTheOutcome(String path, String policy, long left) {
        HttpResponse<?> response = get("/" + path, 30);
        assertEquals(left, left(policy));
        assertEquals(Long.toString(left), remaining(response, policy));
    }

    /** The outcome of a stream is that of its headers. The stream charges nothing that it has given back. */
    @Test
    void chargeThatTheOutcomeGaveBackIsNotSettled() throws Exception {
        Streams streams = server.context().getBean(Streams.class);
        try (InputStream body = open("/given-back")) {
            assertEquals(100, left("failures"));
            streams.events.tryEmitNext("50");
            streams.events.tryEmitComplete();
            assertEquals("data: begins\n\ndata: 50\n\n", new String(body.readAllBytes(), StandardCharsets.UTF_8));
        }
        assertEquals(100, left("failures"));
    }

    @Test
    void streamSettlesAfterItsHeaders() throws Exception {
        Streams streams = server.context().getBean(Streams.class);
        try (InputStream body = open("/stream")) {
            assertEquals(70, left("tokens"), "the estimate, as long as the cost is not known");
            streams.events.tryEmitNext("not yet");
            assertEquals(70, left("tokens"));
            streams.events.tryEmitNext("12");
            streams.events.tryEmitComplete();
            assertTrue(new String(body.readAllBytes(), StandardCharsets.UTF_8).endsWith("data: 12\n\n"));
        }
        assertEquals(88, left("tokens"));
        assertEquals(9, left("requests"));
    }

    @Test
    void streamMaySettleOnAnyThread() throws Exception {
        Streams streams = server.context().getBean(Streams.class);
        try (InputStream body = open("/stream")) {
            CompletableFuture.allOf(java.util.stream.IntStream.range(0, 8)
                            .mapToObj(i -> CompletableFuture.runAsync(
                                    () -> streams.charges.join().settle(20)))
                            .toArray(CompletableFuture[]::new))
                    .get(30, TimeUnit.SECONDS);
            assertEquals(80, left("tokens"), "once");
            streams.events.tryEmitComplete();
            body.readAllBytes();
        }
    }

    @Test
    void disconnectedClientKeepsTheEstimateUnlessTheStreamSettles() throws Exception {
        Streams streams = server.context().getBean(Streams.class);
        InputStream body = open("/stream");
        body.read();
        body.close();
        Eventually.equal(true, () -> {
            streams.events.tryEmitNext("not yet");
            return streams.cancelled.get();
        });
        assertEquals(70, left("tokens"));
        streams.charges.join().settle(5);
        assertEquals(95, left("tokens"), "the method may still learn the real cost");
    }

    @Test
    void failedStreamKeepsTheEstimate() throws Exception {
        Streams streams = server.context().getBean(Streams.class);
        try (InputStream body = open("/stream")) {
            streams.events.tryEmitNext("not yet");
            streams.events.tryEmitError(new IllegalStateException("The model is gone."));
            try {
                body.readAllBytes();
            } catch (java.io.IOException closed) {
                assertTrue(closed.getMessage() != null, "the connection closes in the middle of the response");
            }
        }
        assertEquals(70, left("tokens"));
    }

    @Test
    void failedStreamThatSettledIsCharged() throws Exception {
        Streams streams = server.context().getBean(Streams.class);
        try (InputStream body = open("/stream")) {
            streams.events.tryEmitNext("12");
            streams.events.tryEmitError(new IllegalStateException("The model is gone."));
            try {
                body.readAllBytes();
            } catch (java.io.IOException closed) {
                assertTrue(closed.getMessage() != null, "the connection closes in the middle of the response");
            }
        }
        assertEquals(88, left("tokens"));
    }

    @Test
    void routeWithoutLimitsHasNothingToSettle() {
        assertEquals(200, get("/unlimited?actual=10", 30).code());
    }

    @Test
    void nothingIsSettledIfLimitsAreDisabled() {
        try (TestServer disabled = TestServer.start(RateLimitChargesTest.class, Map.of("ratelimit.enabled", false))) {
            HttpResponse<?> response = disabled.calls().get("/unlimited?actual=10");
            assertEquals(200, response.code());
            HttpResponse<?> limited = disabled.calls().get("/own?actual=10", "X-Estimate", "30");
            assertEquals(200, limited.code());
            assertNull(limited.header("RateLimit"));
        }
    }

    /** Opens a stream. Its first event lets the server write the headers. */
    private InputStream open(String path) throws Exception {
        server.context().getBean(Streams.class).events.tryEmitNext("begins");
        java.net.http.HttpResponse<InputStream> response = HttpClient.newHttpClient()
                .send(
                        java.net.http.HttpRequest.newBuilder(server.uri(path))
                                .header("X-Estimate", "30")
                                .header("Accept", MediaType.TEXT_EVENT_STREAM)
                                .build(),
                        BodyHandlers.ofInputStream());
        assertEquals(200, response.statusCode());
        return response.body();
    }

    /** The events of a stream and its charges, which the test and the routes share. */
    @Singleton
    @Requires(property = "spec", value = "RateLimitChargesTest")
    static class Streams {

        private final Sinks.Many<String> events = Sinks.many().unicast().onBackpressureBuffer();
        private final CompletableFuture<RateLimitCharges> charges = new CompletableFuture<>();
        private final AtomicBoolean cancelled = new AtomicBoolean();

        Flux<Event<String>> open(RateLimitCharges opened) {
            charges.complete(opened);
            return events.asFlux()
                    .doOnNext(event -> {
                        if (event.matches("\\d+")) {
                            opened.settle(Long.parseLong(event));
                        }
                    })
                    .doOnCancel(() -> cancelled.set(true))
                    .map(Event::of);
        }
    }

    @Controller
    @Requires(property = "spec", value = "RateLimitChargesTest")
    static class Routes {

        private final Streams streams;

        Routes(Streams streams) {
            this.streams = streams;
        }

        private static void settle(RateLimitCharges charges, List<Long> actual) {
            actual.forEach(charges::settle);
        }

        @Get("/settled")
        @RateLimit(policy = "tokens", permits = "{header:X-Estimate} 1..100")
        @RateLimit(policy = "requests")
        String settled(@QueryValue(defaultValue = "") List<Long> actual, RateLimitCharges charges) {
            settle(charges, actual);
            return "ok";
        }

        @Get("/named")
        @RateLimit(policy = "tokens", permits = "{header:X-Estimate} 1..100")
        @RateLimit(policy = "requests")
        String named(@QueryValue(defaultValue = "") String policy, long actual, RateLimitCharges charges) {
            charges.settle(policy, actual);
            return "ok";
        }

        @Get("/reactive")
        @RateLimit(policy = "tokens", permits = "{header:X-Estimate} 1..100")
        @RateLimit(policy = "requests")
        Mono<String> reactive(long actual, RateLimitCharges charges) {
            return Mono.just("ok").doOnNext(value -> charges.settle(actual));
        }

        @Get("/future")
        @RateLimit(policy = "tokens", permits = "{header:X-Estimate} 1..100")
        @RateLimit(policy = "requests")
        CompletionStage<String> future(long actual, RateLimitCharges charges) {
            return CompletableFuture.supplyAsync(() -> {
                charges.settle(actual);
                return "ok";
            });
        }

        @Get("/blocking")
        @io.micronaut.scheduling.annotation.ExecuteOn(io.micronaut.scheduling.TaskExecutors.BLOCKING)
        @RateLimit(policy = "tokens", permits = "{header:X-Estimate} 1..100")
        @RateLimit(policy = "requests")
        String blocking(long actual, RateLimitCharges charges) {
            charges.settle(actual);
            return "ok";
        }

        @Post(value = "/body", consumes = MediaType.TEXT_PLAIN)
        @RateLimit(policy = "tokens", permits = "{body-size} / 4 1..100")
        @RateLimit(policy = "requests")
        String body(@Body String text, @QueryValue long actual, RateLimitCharges charges) {
            charges.settle(actual);
            return "ok";
        }

        @Get("/expression")
        @RateLimit(policy = "tokens", permits = "#{ estimate } 1..100")
        @RateLimit(policy = "requests")
        String expression(int estimate, long actual, RateLimitCharges charges) {
            charges.settle(actual);
            return "ok";
        }

        @Get("/fair/{status}")
        @RateLimit(policy = "fair", permits = "{header:X-Estimate} 1..100")
        HttpResponse<?> fair(int status, @QueryValue(defaultValue = "") List<Long> actual, RateLimitCharges charges) {
            settle(charges, actual);
            return HttpResponse.status(HttpStatus.valueOf(status));
        }

        @Get("/thrown/{status}")
        @RateLimit(policy = "fair", permits = "{header:X-Estimate} 1..100")
        String thrown(int status, @QueryValue(defaultValue = "") List<Long> actual, RateLimitCharges charges) {
            settle(charges, actual);
            throw new HttpStatusException(HttpStatus.valueOf(status), "no");
        }

        @Get("/failures/{status}")
        @RateLimit(policy = "failures", permits = "{header:X-Estimate} 1..100")
        HttpResponse<?> failures(
                int status, @QueryValue(defaultValue = "") List<Long> actual, RateLimitCharges charges) {
            settle(charges, actual);
            return HttpResponse.status(HttpStatus.valueOf(status));
        }

        @Get(value = "/stream", produces = MediaType.TEXT_EVENT_STREAM)
        @RateLimit(policy = "tokens", permits = "{header:X-Estimate} 1..100")
        @RateLimit(policy = "requests")
        Flux<Event<String>> stream(RateLimitCharges charges) {
            return streams.open(charges);
        }

        @Get(value = "/given-back", produces = MediaType.TEXT_EVENT_STREAM)
        @RateLimit(policy = "failures", permits = "{header:X-Estimate} 1..100")
        Flux<Event<String>> givenBack(RateLimitCharges charges) {
            return streams.open(charges);
        }

        @Get("/unlimited")
        String unlimited(long actual, RateLimitCharges charges) {
            charges.settle(actual);
            charges.settle("tokens", actual);
            return "ok";
        }

        @Get("/own")
        @RateLimit(value = "100/min", permits = "{header:X-Estimate} 1..100")
        String own(long actual, RateLimitCharges charges) {
            charges.settle(actual);
            return "ok";
        }
    }
}
