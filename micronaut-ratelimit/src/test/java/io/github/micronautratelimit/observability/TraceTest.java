package io.github.micronautratelimit.observability;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.AsyncBackend;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.http.Calls;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.client.HttpClient;
import io.micronaut.runtime.server.EmbeddedServer;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SpanProcessor;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The spans of a running application, as an exporter receives them. */
class TraceTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    private EmbeddedServer server;
    private HttpClient client;
    private Calls calls;

    @BeforeEach
    void start() {
        server = ApplicationContext.run(
                EmbeddedServer.class,
                Map.of(
                        "spec",
                        "TraceTest",
                        "ratelimit.backend",
                        "async",
                        "ratelimit.deadline",
                        "30s",
                        "ratelimit.policies.hasty.limits",
                        "2/day",
                        "ratelimit.policies.hasty.deadline",
                        "50ms"),
                "test");
        client = HttpClient.create(server.getURL());
        calls = new Calls(client);
    }

    @AfterEach
    void stop() {
        client.close();
        server.close();
    }

    /** Waits for spans, which end after the response is sent. */
    private List<SpanData> spans(int count, Predicate<SpanData> wanted) {
        InMemorySpanExporter exporter = server.getApplicationContext().getBean(InMemorySpanExporter.class);
        long end = System.nanoTime() + TIMEOUT.toNanos();
        while (exporter.getFinishedSpanItems().stream().filter(wanted).count() < count) {
            assertTrue(System.nanoTime() < end, () -> "spans so far: " + exporter.getFinishedSpanItems());
            LockSupport.parkNanos(1_000_000);
        }
        return exporter.getFinishedSpanItems().stream().filter(wanted).toList();
    }

    private List<SpanData> ofServer(int count) {
        return spans(count, span -> span.getKind() == SpanKind.SERVER);
    }

    private List<SpanData> ofStore(int count) {
        return spans(
                count,
                span -> span.getKind() == SpanKind.CLIENT && span.getName().startsWith("ratelimit "));
    }

    private static Object attribute(SpanData span, AttributeKey<?> key) {
        return String.valueOf(span.getAttributes().get(key));
    }

    private static Object attribute(SpanData span, String key) {
        return attribute(span, AttributeKey.stringKey(key));
    }

    private static Object policies(SpanData span) {
        return attribute(span, AttributeKey.stringArrayKey("ratelimit.policies"));
    }

    @Test
    void aStoreCallIsAClientSpanBelowTheServerSpan() {
        assertEquals(200, calls.get("/traced").code());
        SpanData request = ofServer(1).get(0);
        SpanData call = ofStore(1).get(0);
        assertEquals("ratelimit acquire", call.getName());
        assertEquals("async", attribute(call, "db.system.name"));
        assertEquals("acquire", attribute(call, "db.operation.name"));
        assertEquals("[traced]", policies(call));
        assertEquals(StatusCode.UNSET, call.getStatus().getStatusCode());
        assertEquals(request.getSpanId(), call.getParentSpanId());
        assertEquals(request.getTraceId(), call.getTraceId());
    }

    @Test
    void theServerSpanContainsTheDecision() {
        assertEquals(List.of(200, 200, 429, 429), calls.get("/traced", 4));
        List<SpanData> requests = ofServer(4);
        assertEquals(
                List.of("allowed", "allowed", "denied", "denied"),
                requests.stream()
                        .map(span -> attribute(span, "ratelimit.outcome"))
                        .toList());
        assertEquals(
                List.of("store", "store", "store", "deny_cache"),
                requests.stream()
                        .map(span -> attribute(span, "ratelimit.source"))
                        .toList());
        assertEquals(
                List.of("1", "0", "0", "0"),
                requests.stream()
                        .map(span -> attribute(span, AttributeKey.longKey("ratelimit.remaining")))
                        .toList());
        assertTrue(requests.stream().allMatch(span -> policies(span).equals("[traced]")));
        assertEquals(3, ofStore(3).size());
    }

    @Test
    void theSpanOfARequestWithoutLimitsHasNoAttributes() {
        assertEquals(200, calls.get("/traced/free").code());
        SpanData request = ofServer(1).get(0);
        assertEquals("null", attribute(request, "ratelimit.outcome"));
        assertEquals(List.of(), ofStore(0));
    }

    @Test
    void aFailedOrLateCallIsAnErrorOfTheCallSpanOnly() {
        server.getApplicationContext().getBean(AsyncBackend.class).mood = AsyncBackend.Mood.FAILS;
        assertEquals(200, calls.get("/traced").code());
        SpanData failed = ofStore(1).get(0);
        assertEquals(StatusCode.ERROR, failed.getStatus().getStatusCode());
        assertEquals("java.lang.IllegalStateException", attribute(failed, "error.type"));

        server.getApplicationContext().getBean(AsyncBackend.class).mood = AsyncBackend.Mood.HANGS;
        assertEquals(200, calls.get("/traced/hasty").code());
        SpanData late = spans(
                        1,
                        span -> span.getKind() == SpanKind.CLIENT
                                && policies(span).equals("[hasty]"))
                .get(0);
        assertEquals("timeout", attribute(late, "error.type"));
        List<SpanData> requests = ofServer(2);
        assertEquals(
                List.of("fallback", "fallback"),
                requests.stream()
                        .map(span -> attribute(span, "ratelimit.source"))
                        .toList());
        assertTrue(requests.stream().allMatch(span -> span.getStatus().getStatusCode() == StatusCode.UNSET));
    }

    @Controller("/traced")
    @Requires(property = "spec", value = "TraceTest")
    static class TracedController {

        @Get
        @RateLimit(policy = "traced", value = "2/day")
        String get() {
            return "ok";
        }

        @Get("/hasty")
        @RateLimit(policy = "hasty")
        String hasty() {
            return "ok";
        }

        @Get("/free")
        String free() {
            return "ok";
        }
    }

    @Factory
    @Requires(property = "spec", value = "TraceTest")
    static class Spans {

        @Singleton
        InMemorySpanExporter exporter() {
            return InMemorySpanExporter.create();
        }

        @Singleton
        SpanProcessor processor(InMemorySpanExporter exporter) {
            return SimpleSpanProcessor.create(exporter);
        }
    }
}
