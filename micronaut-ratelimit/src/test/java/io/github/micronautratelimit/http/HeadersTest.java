package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Error;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.exceptions.HttpStatusException;
import io.micronaut.runtime.server.EmbeddedServer;
import jakarta.inject.Singleton;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import reactor.core.publisher.Mono;

/** Headers and bodies of responses under limits. */
class HeadersTest {

    private static final String THREE = "\"three\";q=3;w=60";

    @Test
    void everyResponseOfLimitedRouteHasHeaders() {
        serve(Map.of(), calls -> {
            assertHeaders(200, THREE, "\"three\";r=2;t=20", calls.get("/limited/ok"));
            assertHeaders(200, THREE, "\"three\";r=1;t=20", calls.exchange(HttpRequest.HEAD("/limited/ok")));
            assertHeaders(500, THREE, "\"three\";r=0;t=20", calls.get("/limited/error"));
            HttpResponse<?> denied = calls.get("/limited/ok");
            assertHeaders(429, THREE, "\"three\";r=0;t=20", denied);
            assertEquals("20", denied.header("Retry-After"));
            assertEquals("no-store", denied.header("Cache-Control"));
            HttpResponse<?> head = calls.exchange(HttpRequest.HEAD("/limited/ok"));
            assertHeaders(429, THREE, "\"three\";r=0;t=20", head);
            assertEquals("20", head.header("Retry-After"));
        });
    }

    @ParameterizedTest
    @CsvSource({"/limited/missing, 404", "/limited/conflict, 409", "/limited/empty, 204"})
    void errorResponsesHaveHeaders(String path, int status) {
        serve(Map.of(), calls -> assertHeaders(status, THREE, "\"three\";r=2;t=20", calls.get(path)));
    }

    @Test
    void unlimitedRoutesHaveNoHeaders() {
        serve(Map.of(), calls -> {
            assertNull(calls.get("/limited/unlimited").header("RateLimit"));
            assertNull(calls.get("/nowhere").header("RateLimit"));
        });
    }

    @Test
    void headersListAllPoliciesAndAfterDenialThoseThatDenied() {
        serve(Map.of(), calls -> {
            String policies = THREE + ", \"HeadersTest$Limited.several#2\";q=1;w=60";
            assertHeaders(
                    200,
                    policies,
                    "\"three\";r=2;t=20, \"HeadersTest$Limited.several#2\";r=0;t=60",
                    calls.get("/limited/several"));
            HttpResponse<?> denied = calls.get("/limited/several");
            assertHeaders(429, policies, "\"HeadersTest$Limited.several#2\";r=0;t=60", denied);
            assertTrue(
                    body(denied).contains("\"violated-policies\":[\"HeadersTest$Limited.several#2\"]"), body(denied));
        });
    }

    @Test
    void limitsWithKeyExpressionHaveHeaders() {
        serve(Map.of(), calls -> {
            assertEquals(
                    "\"HeadersTest$Limited.expression\";r=1;t=30",
                    calls.get("/limited/expression/a").header("RateLimit"));
            calls.get("/limited/expression/a");
            HttpResponse<?> denied = calls.get("/limited/expression/a");
            assertEquals("\"HeadersTest$Limited.expression\";r=0;t=30", denied.header("RateLimit"));
            assertEquals("30", denied.header("Retry-After"));
        });
    }

    @Test
    void denialOfCalledBeanHasHeaders() {
        serve(Map.of(), calls -> {
            assertNull(calls.get("/limited/bean").header("RateLimit"), "an allowed call of a bean adds no headers");
            HttpResponse<?> denied = calls.get("/limited/bean");
            assertEquals(429, denied.code());
            assertEquals("\"HeadersTest$Mail.send\";r=0;t=60", denied.header("RateLimit"));
            assertEquals("60", denied.header("Retry-After"));
        });
    }

    @Test
    void customResponseToDenialHasHeaders() {
        serve(Map.of(), calls -> {
            calls.get("/custom-response");
            HttpResponse<?> denied = calls.get("/custom-response");
            assertEquals(503, denied.code());
            assertEquals("busy", body(denied));
            assertEquals("\"HeadersTest$CustomResponse.get\";r=0;t=60", denied.header("RateLimit"));
            assertEquals("60", denied.header("Retry-After"));
            assertEquals("no-store", denied.header("Cache-Control"));
        });
    }

    @ParameterizedTest
    @CsvSource(
            nullValues = "-",
            value = {
                "legacy, seconds, 3, 2, 20, -",
                "legacy, epoch, 3, 2, 1795305620, -",
                "both, seconds, 3, 2, 20, '\"three\";r=2;t=20'",
                "none, seconds, -, -, -, -",
                "IETF, seconds, -, -, -, '\"three\";r=2;t=20'"
            })
    void headerStyleIsConfigurable(
            String style, String reset, String limit, String remaining, String resets, String ietf) {
        serve(Map.of("ratelimit.headers", style, "ratelimit.legacy-reset", reset), calls -> {
            HttpResponse<?> response = calls.get("/limited/ok");
            assertEquals(limit, response.header("X-RateLimit-Limit"));
            assertEquals(remaining, response.header("X-RateLimit-Remaining"));
            assertEquals(resets, response.header("X-RateLimit-Reset"));
            assertEquals(ietf, response.header("RateLimit"));
        });
    }

    @Test
    void denialHasRetryAfterWithoutOtherHeaders() {
        serve(Map.of("ratelimit.headers", "none", "ratelimit.status", "503"), calls -> {
            calls.get("/limited/ok", 3);
            HttpResponse<?> denied = calls.get("/limited/ok");
            assertEquals(503, denied.code());
            assertEquals("20", denied.header("Retry-After"));
            assertTrue(body(denied).contains("#temporary-reduced-capacity"), body(denied));
        });
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "*/*|application/problem+json",
                "application/json|application/json",
                "text/html, */*;q=0.1|text/plain"
            })
    void bodyHasAcceptedContentType(String accept, String type) {
        serve(Map.of(), calls -> {
            calls.get("/limited/ok", 3);
            HttpResponse<?> denied = calls.get("/limited/ok", "Accept", accept);
            assertEquals(type, denied.getContentType().orElseThrow().getName());
            assertTrue(body(denied).contains("Try again in 20 seconds."), body(denied));
        });
    }

    @Test
    void corsResponsesExposeHeaders() {
        serve(
                Map.of("micronaut.server.cors.enabled", "true", "micronaut.server.cors.localhost-pass-through", "true"),
                calls -> {
                    assertEquals(
                            "RateLimit-Policy, RateLimit, Retry-After",
                            calls.get("/limited/ok", "Origin", "http://shop.example")
                                    .header("Access-Control-Expose-Headers"));
                    assertNull(calls.get("/limited/ok").header("Access-Control-Expose-Headers"));
                    calls.get("/limited/ok");
                    HttpResponse<?> denied = calls.get("/limited/ok", "Origin", "http://shop.example");
                    assertEquals(429, denied.code());
                    assertEquals(
                            "RateLimit-Policy, RateLimit, Retry-After", denied.header("Access-Control-Expose-Headers"));
                });
    }

    @ParameterizedTest
    @CsvSource({"/limited/record", "/limited/mono", "/limited/bytes", "/limited/unlimited-rule"})
    void bodyDoesNotDependOnReturnTypeOfRoute(String path) {
        serve(
                Map.of("ratelimit.rules[0].path", "/limited/unlimited-rule", "ratelimit.rules[0].policy", "three"),
                calls -> {
                    calls.get(path, 3);
                    assertEquals(
                            "{\"type\":\"https://iana.org/assignments/http-problem-types#quota-exceeded\",\"title\":"
                                    + "\"Too Many Requests\",\"status\":429,\"detail\":\"Rate limit exceeded. Try again in 20 seconds.\","
                                    + "\"violated-policies\":[\"three\"]}",
                            body(calls.get(path)));
                });
    }

    private static void assertHeaders(int status, String policies, String rateLimit, HttpResponse<?> response) {
        assertEquals(
                List.of(status, policies, rateLimit),
                List.of(
                        response.code(),
                        String.valueOf(response.header("RateLimit-Policy")),
                        String.valueOf(response.header("RateLimit"))));
    }

    private static String body(HttpResponse<?> response) {
        return response.getBody(String.class).orElse("");
    }

    private interface Check {
        void with(Calls calls);
    }

    private static void serve(Map<String, Object> properties, Check check) {
        Map<String, Object> all = new LinkedHashMap<>(properties);
        all.put("spec", "HeadersTest");
        all.put("micronaut.server.port", -1);
        all.put("ratelimit.policies.three.limits", "3/min");
        try (EmbeddedServer server = ApplicationContext.run(EmbeddedServer.class, all, "test");
                HttpClient client = server.getApplicationContext().createBean(HttpClient.class, server.getURL())) {
            check.with(new Calls(client));
        }
    }

    @Controller("/limited")
    @Requires(property = "spec", value = "HeadersTest")
    static class Limited {

        private final Mail mail;

        Limited(Mail mail) {
            this.mail = mail;
        }

        @Get("/ok")
        @RateLimit(policy = "three")
        String ok() {
            return "ok";
        }

        @Get("/error")
        @RateLimit(policy = "three")
        String error() {
            throw new IllegalStateException("wrong");
        }

        @Get("/missing")
        @RateLimit(policy = "three")
        HttpResponse<String> missing() {
            return HttpResponse.notFound();
        }

        @Get("/conflict")
        @RateLimit(policy = "three")
        String conflict() {
            throw new HttpStatusException(HttpStatus.CONFLICT, "no");
        }

        @Get("/empty")
        @RateLimit(policy = "three")
        HttpResponse<String> empty() {
            return HttpResponse.noContent();
        }

        @Get("/several")
        @RateLimit(policy = "three")
        @RateLimit("1/min")
        String several() {
            return "ok";
        }

        @Get("/expression/{id}")
        @RateLimit(value = "2/min", key = "#{ id }")
        String expression(String id) {
            return id;
        }

        @Get("/bean")
        String bean() {
            return mail.send();
        }

        @Get("/record")
        @RateLimit(policy = "three")
        Map<String, Integer> map() {
            return Map.of("a", 1);
        }

        @Get("/mono")
        @RateLimit(policy = "three")
        Mono<Map<String, Integer>> mono() {
            return Mono.just(Map.of("a", 1));
        }

        @Get("/bytes")
        @RateLimit(policy = "three")
        byte[] bytes() {
            return new byte[] {1};
        }

        @Get("/unlimited")
        String unlimited() {
            return "ok";
        }
    }

    @Controller("/custom-response")
    @Requires(property = "spec", value = "HeadersTest")
    static class CustomResponse {

        @Get
        @RateLimit("1/min")
        String get() {
            return "ok";
        }

        @Error(exception = RateLimitExceededException.class)
        HttpResponse<String> busy() {
            return HttpResponse.<String>status(HttpStatus.SERVICE_UNAVAILABLE).body("busy");
        }
    }

    @Singleton
    @Requires(property = "spec", value = "HeadersTest")
    static class Mail {

        @RateLimit("1/min")
        String send() {
            return "sent";
        }
    }
}
