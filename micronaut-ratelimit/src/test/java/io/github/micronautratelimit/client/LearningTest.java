package io.github.micronautratelimit.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.AsyncBackend;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.http.Log;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;

/** An answer of the service holds back further calls, of this instance at once and of others through the store. */
class LearningTest {

    private final Service service = new Service();
    private final AsyncBackend.Shared store = Application.store();
    private final List<AutoCloseable> opened = new ArrayList<>(List.of(service));

    private Application start(String... properties) {
        Application application = Application.start(service, store, properties);
        opened.add(0, application);
        return application;
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable resource : opened) {
            resource.close();
        }
    }

    private static void call(Application application) {
        try {
            application.partner().get();
        } catch (HttpClientResponseException denied) {
            assertTrue(denied.code() == 429 || denied.code() == 503);
        }
    }

    private static Duration heldBack(Application application) {
        return assertThrows(
                        RateLimitExceededException.class,
                        () -> application.partner().get())
                .retryAfter()
                .orElseThrow();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '!',
            value = {
                "200 ! RateLimit=\"default\";r=0;t=60",
                "200 ! RateLimit=limit=10, remaining=0, reset=60",
                "200 ! RateLimit-Remaining=0 | RateLimit-Reset=60",
                "200 ! X-RateLimit-Remaining=0 | X-RateLimit-Reset=60",
                "200 ! X-RateLimit-Remaining=0 | X-RateLimit-Reset=EPOCH",
                "200 ! X-Rate-Limit-Remaining=0 | X-Rate-Limit-Reset=EPOCH",
                "429 ! Retry-After=60",
                "429 ! Retry-After=DATE",
                "503 ! Retry-After=60"
            })
    void oneAnswerHoldsBackAllInstances(int status, String texts) {
        long end = System.currentTimeMillis() / 1000 + 60;
        List<String> headers = new ArrayList<>();
        for (String text : texts.split(" \\| ")) {
            headers.add(text.substring(0, text.indexOf('=')));
            headers.add(text.substring(text.indexOf('=') + 1)
                    .replace("EPOCH", Long.toString(end))
                    .replace(
                            "DATE",
                            DateTimeFormatter.RFC_1123_DATE_TIME.format(
                                    Instant.ofEpochSecond(end).atZone(ZoneOffset.UTC))));
        }
        service.script = call -> new Service.Answer(status, headers.toArray(String[]::new));
        Application one = start("limits", "100/s");
        Application other = start("limits", "100/s");
        call(one);
        for (Application application : List.of(one, other, one)) {
            Duration wait = heldBack(application);
            assertTrue(wait.toSeconds() >= 45 && wait.toSeconds() <= 60, wait::toString);
        }
        assertEquals(1, service.count());
        assertEquals(2, one.counts().held(), "calls of the instance itself need no store");
    }

    @Test
    void answersAreIgnoredIfLearningIsOff() {
        service.script = call -> Service.Answer.ok("RateLimit", "\"default\";r=0;t=60");
        Application application = start("limits", "100/s", "learn", "false");
        application.partner().get();
        application.partner().get();
        assertEquals(2, service.count());
    }

    @Test
    void noAnswerHoldsBackLongerThanConfigured() {
        service.script =
                call -> call.number() == 1 ? new Service.Answer(429, "Retry-After", "31536000") : Service.Answer.ok();
        Application application = start("limits", "100/s", "max-hold-back", "1s", "max-wait", "30s");
        call(application);
        long start = System.nanoTime();
        assertEquals("answer 2", application.partner().get());
        long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        assertTrue(millis >= 900 && millis < 20_000, () -> millis + " ms");
    }

    @Test
    void heldCallsWaitInTurnAndTheStoreIsNotAskedAgain() {
        service.script = call -> call.number() == 1 ? new Service.Answer(429, "Retry-After", "1") : Service.Answer.ok();
        Application application = start("limits", "1000/s", "max-wait", "30s");
        call(application);
        long start = System.nanoTime();
        List<String> answers = Flux.range(1, 50)
                .flatMap(i -> application.partner().reactive(), 50)
                .collectList()
                .block();
        assertEquals(50, answers.size());
        assertTrue(System.nanoTime() - start >= 900_000_000L);
        assertEquals(51, service.count());
    }

    @Test
    void holdAppliesWhileTheStoreIsUnavailable() {
        service.script = call -> call.number() == 1 ? new Service.Answer(429, "Retry-After", "2") : Service.Answer.ok();
        Application application = start("limits", "100/s", "on-error", "open", "max-wait", "30s");
        application.context.getBean(AsyncBackend.class).mood = AsyncBackend.Mood.FAILS;
        call(application);
        long start = System.nanoTime();
        assertEquals("answer 2", application.partner().get());
        assertTrue(System.nanoTime() - start >= 1_800_000_000L);
    }

    @Test
    void deniedCallsAreThoseThatOnErrorDeniesWhileTheStoreIsUnavailable() {
        Application application = start("limits", "100/s", "on-error", "closed", "max-wait", "30s");
        application.context.getBean(AsyncBackend.class).mood = AsyncBackend.Mood.FAILS;
        assertTrue(assertThrows(
                        RateLimitExceededException.class,
                        () -> application.partner().get())
                .isUnavailable());
        assertEquals(0, service.count());
    }

    @Test
    void partitionsAreHeldBackSeparately() {
        service.script = call ->
                call.tokens().contains("a") ? Service.Answer.ok("RateLimit", "\"a\";r=0;t=60") : Service.Answer.ok();
        Application application = start("limits", "100/s", "host", service.host(), "partition", "{header:X-Token}");
        try (HttpClient client = application.lowLevel(service)) {
            for (String token : List.of("a", "b", "b")) {
                client.toBlocking().retrieve(HttpRequest.GET("/").header("X-Token", token));
            }
            assertThrows(RateLimitExceededException.class, () -> client.toBlocking()
                    .retrieve(HttpRequest.GET("/").header("X-Token", "a")));
        }
    }

    @Test
    void firstDenialOfAPartitionIsLoggedWithoutIdentities() {
        service.script = call -> new Service.Answer(429, "Retry-After", "0");
        try (Log log = new Log()) {
            Application application = start(
                    "limits", "1000/s", "host", service.host(), "partition", "{header:X-Token}", "learn", "false");
            try (HttpClient client = application.lowLevel(service)) {
                for (String token : List.of("secret-a", "secret-a", "secret-b")) {
                    assertThrows(HttpClientResponseException.class, () -> client.toBlocking()
                            .retrieve(HttpRequest.GET("/").header("X-Token", token)));
                }
            }
            assertEquals(3, application.counts().denials());
            assertEquals(
                    2,
                    log.startingWith("The service of ratelimit.clients.partner denied a call with status 429")
                            .size());
            assertFalse(log.lines().stream().anyMatch(line -> line.contains("secret-")));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"", "\"a\";r=0;t=", ";;;,,,", "\"a\";r=0;t=99999999999999999999999", "\u00ff\u0000"})
    void unreadableHeadersDoNotFailTheCall(String value) {
        service.script = call -> Service.Answer.ok(
                "RateLimit", value.replace("\u0000", ""), "X-RateLimit-Remaining", value.replace("\u0000", ""));
        Application application = start("limits", "100/s");
        application.partner().get();
        application.partner().get();
        assertEquals(2, service.count());
    }
}
