package io.github.micronautratelimit.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.AsyncBackend;
import io.github.micronautratelimit.Eventually;
import io.github.micronautratelimit.RateLimitExceededException;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.MutableHttpRequest;
import io.micronaut.http.annotation.ClientFilter;
import io.micronaut.http.annotation.RequestFilter;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.StreamingHttpClient;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;

/** Calls of HTTP clients wait in turn, are held back if the service says so, and are repeated if that is configured. */
class ClientLimitFilterTest {

    private final Service service = new Service();
    private final List<AutoCloseable> opened = new ArrayList<>(List.of(service));

    private Application start(AsyncBackend.Shared store, String... properties) {
        Application application = Application.start(service, store, properties);
        opened.add(0, application);
        return application;
    }

    private Application start(String... properties) {
        return start(null, properties);
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable resource : opened) {
            resource.close();
        }
    }

    private Map<String, Consumer<Application>> kinds() {
        return Map.of(
                "declarative", application -> application.partner().get(),
                "reactive", application -> application.partner().reactive().block(),
                "low-level",
                        application -> {
                            try (HttpClient client = application.lowLevel(service)) {
                                client.toBlocking().retrieve("/");
                            }
                        },
                "low-level reactive",
                        application -> {
                            try (HttpClient client = application.lowLevel(service)) {
                                Flux.from(client.retrieve("/")).blockFirst();
                            }
                        },
                "streaming",
                        application -> {
                            try (StreamingHttpClient client = application.streaming(service)) {
                                Flux.from(client.dataStream(HttpRequest.GET("/")))
                                        .blockLast();
                            }
                        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"declarative", "reactive", "low-level", "low-level reactive", "streaming"})
    void everyKindOfClientIsLimited(String kind) {
        for (AsyncBackend.Shared store : new AsyncBackend.Shared[] {null, Application.store()}) {
            int before = service.count();
            Application application = start(store, "limits", "2/h", "service-id", "partner", "host", service.host());
            kinds().get(kind).accept(application);
            kinds().get(kind).accept(application);
            RateLimitExceededException denied = assertThrows(
                    RateLimitExceededException.class, () -> kinds().get(kind).accept(application));
            assertEquals("clients.partner", denied.policy().name());
            assertEquals(before + 2, service.count(), "the service was not called");
        }
    }

    @Test
    void callsWaitInTurn() {
        Application application = start("limits", "20/s burst 1", "max-wait", "30s");
        long start = System.nanoTime();
        List<String> answers = Flux.range(1, 9)
                .flatMap(i -> application.partner().reactive(), 9)
                .collectList()
                .block();
        long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        assertEquals(9, answers.size());
        assertTrue(millis >= 395, () -> "8 calls of 9 waited 50 ms each, all in " + millis + " ms");
    }

    @Test
    void callThatWouldWaitTooLongFailsAtOnce() {
        Application application = start("limits", "1/h", "max-wait", "10s");
        application.partner().get();
        RateLimitExceededException denied = assertThrows(
                RateLimitExceededException.class, () -> application.partner().get());
        assertTrue(denied.retryAfter().orElseThrow().compareTo(Duration.ofMinutes(59)) > 0);
    }

    @Test
    void cancelledCallLeavesTheQueueAndCostsNothing() throws Exception {
        Application application = start("limits", "1/30s", "max-wait", "30s");
        application.partner().get();
        Disposable waiting = application.partner().reactive().subscribe();
        Eventually.equal(1L, () -> application.limiter().stats().waiting());
        waiting.dispose();
        Eventually.equal(0L, () -> application.limiter().stats().waiting());
        assertEquals(1, service.count());
    }

    @Test
    void slotsAreHeldUntilTheAnswerHasArrived() throws Exception {
        Application application = start("limits", "1000/s, 2 concurrent", "max-wait", "30s");
        AtomicInteger present = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        service.script = call -> {
            most.accumulateAndGet(present.incrementAndGet(), Math::max);
            try {
                Thread.sleep(20);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            present.decrementAndGet();
            return Service.Answer.ok();
        };
        assertEquals(
                12,
                Flux.range(1, 12)
                        .flatMap(i -> application.partner().reactive(), 12)
                        .collectList()
                        .block()
                        .size());
        assertEquals(2, most.get());
    }

    @Test
    void partitionsCountSeparately() {
        Application application = start("limits", "1/h", "host", service.host(), "partition", "{header:X-Token}");
        try (HttpClient client = application.lowLevel(service)) {
            client.toBlocking().retrieve(HttpRequest.GET("/").header("X-Token", "a"));
            client.toBlocking().retrieve(HttpRequest.GET("/").header("X-Token", "b"));
            assertThrows(RateLimitExceededException.class, () -> client.toBlocking()
                    .retrieve(HttpRequest.GET("/").header("X-Token", "a")));
        }
    }

    @Test
    void callsOfOtherServicesAreNotLimited() {
        Application application = start("limits", "1/h", "service-id", "another");
        for (int i = 0; i < 3; i++) {
            application.partner().get();
        }
        assertEquals(3, service.count());
    }

    @Test
    void deniedCallIsRepeatedAfterTheTimeThatTheServiceSays() {
        service.script = call -> call.number() == 1 ? new Service.Answer(429, "Retry-After", "1") : Service.Answer.ok();
        for (AsyncBackend.Shared store : new AsyncBackend.Shared[] {null, Application.store()}) {
            int before = service.count();
            service.script = call ->
                    call.number() == before + 1 ? new Service.Answer(429, "Retry-After", "1") : Service.Answer.ok();
            Application application = start(store, "limits", "100/s", "max-wait", "30s", "retry", "2");
            long start = System.nanoTime();
            assertEquals("answer " + (before + 2), application.partner().get());
            assertTrue(System.nanoTime() - start >= 990_000_000L);
            assertEquals(1, application.counts().denials());
            assertEquals(1, application.counts().retries());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {429, 502, 503, 504})
    void callIsRepeatedAsOftenAsConfigured(int status) {
        service.script = call -> new Service.Answer(status);
        Application application = start("limits", "100/s", "max-wait", "30s", "retry", "2", "learn", "false");
        HttpClientResponseException answer = assertThrows(
                HttpClientResponseException.class, () -> application.partner().get());
        assertEquals(status, answer.code());
        assertEquals(3, service.count());
    }

    @ParameterizedTest
    @CsvSource({"400", "401", "404", "500"})
    void otherAnswersAreNotRepeated(int status) {
        service.script = call -> new Service.Answer(status);
        Application application = start("limits", "100/s", "max-wait", "30s", "retry", "2");
        assertThrows(
                RuntimeException.class, () -> application.partner().reactive().block());
        assertEquals(1, service.count());
    }

    @Test
    void postIsRepeatedOnlyIfConfigured() {
        service.script = call -> new Service.Answer(503);
        Application careful = start("limits", "100/s", "max-wait", "30s", "retry", "1");
        assertThrows(HttpClientResponseException.class, () -> careful.partner().post("x"));
        assertEquals(1, service.count());
        Application bold = start("limits", "100/s", "max-wait", "30s", "retry", "1", "retry-methods", "GET,POST");
        assertThrows(HttpClientResponseException.class, () -> bold.partner().post("x"));
        assertEquals(3, service.count());
    }

    @Test
    void failedConnectionIsRepeated() {
        Application application = start("limits", "100/s", "max-wait", "30s", "retry", "2");
        service.close();
        assertThrows(RuntimeException.class, () -> application.partner().get());
        assertEquals(2, application.counts().retries());
    }

    @Test
    void callWithoutTimeForAnotherAttemptReturnsTheAnswerOfTheService() {
        service.script = call -> new Service.Answer(429, "Retry-After", "60");
        Application application = start("limits", "100/s", "max-wait", "1s", "retry", "5");
        HttpClientResponseException answer = assertThrows(
                HttpClientResponseException.class, () -> application.partner().get());
        assertEquals(429, answer.code());
        assertEquals(1, service.count());
    }

    @Test
    void repetitionTakesAPermitAndWaitsItsTurn() {
        service.script = call -> new Service.Answer(503);
        Application application = start("limits", "3/h", "max-wait", "5s", "retry", "10", "learn", "false");
        assertThrows(
                HttpClientResponseException.class, () -> application.partner().get());
        assertEquals(3, service.count());
    }

    @Test
    void filtersRunAgainForARepetitionAndAddTheirHeadersOnce() {
        service.script = call -> call.number() < 3 ? new Service.Answer(503) : Service.Answer.ok();
        Application application = start("limits", "100/s", "max-wait", "30s", "retry", "3");
        assertEquals("answer 3", application.partner().get());
        assertEquals(3, service.count());
        service.calls().forEach(call -> assertEquals(List.of("secret"), call.tokens()));
    }

    /** Adds a header, as a filter for authentication does. */
    @ClientFilter("/**")
    @Requires(property = "spec", value = "ClientLimits")
    static class TokenFilter {

        @RequestFilter
        void add(MutableHttpRequest<?> request) {
            request.header("X-Token", "secret");
        }
    }
}
