package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Error;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.exceptions.HttpStatusException;
import jakarta.inject.Singleton;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Requests that stay charged only for some outcomes. */
class ChargeByOutcomeTest {

    private static final Map<String, Object> CONFIGURED = Map.of(
            "ratelimit.policies.login.limits",
            "5/min",
            "ratelimit.policies.login.charge-on",
            "401, 403",
            "ratelimit.policies.work.limits",
            "5/min; 100/h fixed",
            "ratelimit.policies.work.refund-on",
            List.of("5xx", 304),
            "ratelimit.policies.found.limits",
            "5/min",
            "ratelimit.policies.found.refund-on",
            "404",
            "ratelimit.rules[0].path",
            "/found/**",
            "ratelimit.rules[0].policy",
            "found");

    @ParameterizedTest
    @CsvSource({
        "/login/200, 10, 5",
        "/login/204, 10, 5",
        "/login/500, 10, 5",
        "/login/401, 3, 2",
        "/login/403, 3, 2",
        "/thrown/200, 10, 5",
        "/thrown/401, 3, 2",
        "/job/200, 3, 2",
        "/job/404, 3, 2",
        "/job/304, 10, 5",
        "/job/500, 10, 5",
        "/job/503, 10, 5",
        "/failing/none, 3, 2",
        "/failing/illegal, 10, 5",
        "/failing/handled, 10, 5",
        "/annotated/200, 10, 5",
        "/annotated/401, 3, 2",
        "/argument/200, 10, 5",
        "/argument/401, 3, 2",
        "/mono/200, 10, 5",
        "/mono/401, 3, 2",
        "/stream/200, 3, 2",
        "/found/anywhere, 10, 5",
    })
    void outcomeDecidesWhatStaysCharged(String path, int requests, int left) {
        try (TestServer server = TestServer.start(ChargeByOutcomeTest.class, CONFIGURED)) {
            HttpResponse<?> last = null;
            for (int i = 0; i < requests; i++) {
                last = server.calls().get(path);
                assertTrue(last.code() != 429, () -> path + " was denied");
            }
            String header = last.header("RateLimit");
            assertTrue(header != null && header.contains(";r=" + left), () -> path + " has " + header);
        }
    }

    @Test
    void wrongLoginsAtOnceReachThePasswordCheckFiveTimes() throws Exception {
        try (TestServer server = TestServer.start(ChargeByOutcomeTest.class, CONFIGURED)) {
            Passwords passwords = server.context().getBean(Passwords.class);
            HttpClient client = HttpClient.newHttpClient();
            List<CompletableFuture<Integer>> answers = IntStream.range(0, 20)
                    .mapToObj(i -> client.sendAsync(
                                    java.net.http.HttpRequest.newBuilder(server.uri("/login/401"))
                                            .build(),
                                    BodyHandlers.discarding())
                            .thenApply(java.net.http.HttpResponse::statusCode))
                    .toList();
            CompletableFuture.allOf(answers.toArray(CompletableFuture[]::new)).get(60, TimeUnit.SECONDS);
            List<Integer> sorted =
                    answers.stream().map(CompletableFuture::join).sorted().toList();
            assertEquals(
                    Stream.of(Collections.nCopies(5, 401), Collections.nCopies(15, 429))
                            .flatMap(List::stream)
                            .toList(),
                    sorted);
            assertEquals(5, passwords.checked.get());
        }
    }

    @Test
    void clientThatIsDeniedAgainAndAgainIsBlocked() {
        Map<String, Object> properties = new HashMap<>(CONFIGURED);
        properties.put("ratelimit.policies.login.block", "15min after 3 denials in 1min x2 up to 1day");
        try (TestServer server = TestServer.start(ChargeByOutcomeTest.class, properties)) {
            assertEquals(List.of(200, 200), server.calls().get("/login/200", 2));
            assertEquals(Collections.nCopies(5, 401), server.calls().get("/login/401", 5));
            assertEquals(List.of(429, 429), server.calls().get("/login/401", 2));
            assertEquals("12", server.calls().get("/login/401").header("Retry-After"), "the third denial");
            assertEquals("900", server.calls().get("/login/200").header("Retry-After"));
            assertEquals(429, server.calls().get("/login/403").code());
        }
    }

    /** A client that disconnects would otherwise try passwords for nothing. */
    @Test
    void requestWithoutOutcomeStaysCharged() throws Exception {
        try (TestServer server = TestServer.start(ChargeByOutcomeTest.class, CONFIGURED)) {
            Passwords passwords = server.context().getBean(Passwords.class);
            HttpClient client = HttpClient.newHttpClient();
            CompletableFuture<?> abandoned = client.sendAsync(
                    java.net.http.HttpRequest.newBuilder(URI.create(server.uri("/login/wait") + ""))
                            .build(),
                    BodyHandlers.discarding());
            passwords.inside.get(30, TimeUnit.SECONDS);
            assertEquals("3", remaining(server.calls().get("/login/401")), "one is under way, and one has failed");
            abandoned.cancel(true);
            assertEquals("2", remaining(server.calls().get("/login/401")));
            passwords.leave.complete(null);
        }
    }

    private static String remaining(HttpResponse<?> response) {
        return String.valueOf(response.header("RateLimit")).replaceAll(".*;r=(\\d+).*", "$1");
    }

    @Singleton
    @Requires(property = "spec", value = "ChargeByOutcomeTest")
    static class Passwords {

        private final AtomicInteger checked = new AtomicInteger();
        private final CompletableFuture<Void> inside = new CompletableFuture<>();
        private final CompletableFuture<Void> leave = new CompletableFuture<>();

        HttpResponse<String> check(int status) {
            checked.incrementAndGet();
            return HttpResponse.status(HttpStatus.valueOf(status));
        }
    }

    @Controller
    @Requires(property = "spec", value = "ChargeByOutcomeTest")
    static class Routes {

        private final Passwords passwords;

        Routes(Passwords passwords) {
            this.passwords = passwords;
        }

        @Get("/login/{status}")
        @RateLimit(policy = "login")
        HttpResponse<?> login(int status) {
            return passwords.check(status);
        }

        @Get("/login/wait")
        @RateLimit(policy = "login")
        CompletableFuture<String> waits() {
            passwords.inside.complete(null);
            return passwords.leave.thenApply(done -> "late");
        }

        @Get("/thrown/{status}")
        @RateLimit(policy = "login")
        String thrown(int status) {
            if (status == 200) {
                return "ok";
            }
            throw new HttpStatusException(HttpStatus.valueOf(status), "no");
        }

        @Get("/job/{status}")
        @RateLimit(policy = "work")
        HttpResponse<?> work(int status) {
            return HttpResponse.status(HttpStatus.valueOf(status));
        }

        @Get("/failing/{how}")
        @RateLimit(value = "5/min", refundOn = "java.lang.IllegalStateException")
        String failing(String how) {
            switch (how) {
                case "illegal" -> throw new IllegalStateException("wrong");
                case "handled" -> throw new Handled();
                default -> {
                    return "ok";
                }
            }
        }

        @Error(Handled.class)
        HttpResponse<?> handled(HttpRequest<?> request, Handled failure) {
            return HttpResponse.ok("handled");
        }

        @Get("/annotated/{status}")
        @RateLimit(
                value = "5/min",
                chargeOn = {"401", "${charge.also:403}"})
        HttpResponse<?> annotated(int status) {
            return HttpResponse.status(HttpStatus.valueOf(status));
        }

        @Get("/argument/{status}")
        @RateLimit(value = "5/min", key = "#{ user }", chargeOn = "401")
        HttpResponse<?> argument(int status, @io.micronaut.http.annotation.QueryValue(defaultValue = "u") String user) {
            return HttpResponse.status(HttpStatus.valueOf(status));
        }

        @Get("/mono/{status}")
        @RateLimit(value = "5/min", chargeOn = "401")
        Mono<HttpResponse<?>> mono(int status) {
            return Mono.just(HttpResponse.status(HttpStatus.valueOf(status)));
        }

        @Get("/stream/{status}")
        @RateLimit(value = "5/min", chargeOn = "200")
        Flux<String> stream(int status) {
            return Flux.just("a", "b");
        }
    }

    static final class Handled extends IllegalStateException {

        private static final long serialVersionUID = 1L;
    }
}
