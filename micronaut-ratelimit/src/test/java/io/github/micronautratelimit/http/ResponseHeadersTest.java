package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.QueryValue;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Headers that depend on the response: its date, its caching, and the names and numbers of its policies. */
class ResponseHeadersTest {

    private static final List<String> OURS =
            List.of("RateLimit", "RateLimit-Policy", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset");

    private static TestServer start(Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(settings);
        all.put("ratelimit.headers", "both");
        return TestServer.start(ResponseHeadersTest.class, all);
    }

    @Test
    void denialHasADateLikeEveryOtherResponse() {
        try (TestServer server = start(Map.of())) {
            for (int status : new int[] {200, 429, 429}) {
                HttpResponse<?> response = server.calls().get("/headers/once");
                assertEquals(status, response.code());
                String date = response.header("Date");
                assertNotNull(date, () -> "no date with " + status);
                ZonedDateTime.parse(date, DateTimeFormatter.RFC_1123_DATE_TIME);
                assertEquals(1, response.getHeaders().getAll("Date").size());
            }
        }
        try (TestServer server = start(Map.of("micronaut.server.date-header", false))) {
            assertEquals(List.of(200, 429), server.calls().get("/headers/once", 2));
            assertNull(server.calls().get("/headers/once").header("Date"));
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "public, max-age=60  | false",
                "s-maxage=60         | false",
                "max-age=60          | false",
                "private, max-age=60 | true",
                "no-store            | true",
                "no-cache            | true",
                "public, max-age=0   | true"
            })
    void responseThatSharedCachesMayStoreDoesNotSayHowAClientStands(String cacheControl, boolean written) {
        try (TestServer server = start(Map.of())) {
            HttpResponse<?> response =
                    server.calls().get("/headers/cached?control=" + cacheControl.replace(" ", "%20"));
            assertEquals(200, response.code());
            for (String name : OURS) {
                assertEquals(written, response.getHeaders().contains(name), name);
            }
            assertEquals(200, server.calls().get("/headers/cached").code());
            HttpResponse<?> denied = server.calls().get("/headers/cached?control=public");
            assertEquals(429, denied.code(), "each request counts");
            assertEquals("no-store", denied.header("Cache-Control"));
            for (String name : OURS) {
                assertTrue(denied.getHeaders().contains(name), name);
            }
        }
    }

    @Test
    void namesAreShownAsTheyAreWritten() {
        try (TestServer server = start(Map.of())) {
            assertEquals(
                    "\"orders(v3)\";q=5;w=60",
                    server.calls().get("/headers/written").header("RateLimit-Policy"));
            assertEquals(
                    "\"com.shop.Orders.list(v1)\";q=5;w=60",
                    server.calls().get("/headers/like").header("RateLimit-Policy"));
            assertEquals(
                    "\"ResponseHeadersTest$Routes.once\";q=1;w=86400",
                    server.calls().get("/headers/once").header("RateLimit-Policy"));
        }
    }

    @Test
    void timeIsThatOfTheNextPermit() {
        try (TestServer server = start(Map.of())) {
            HttpResponse<?> first = server.calls().get("/headers/two");
            assertEquals("\"two\";r=1;t=1", first.header("RateLimit"));
            HttpResponse<?> second = server.calls().get("/headers/two");
            assertEquals("\"two\";r=0;t=1", second.header("RateLimit"), "not the hour of the second limit");
            assertEquals("1", second.header("X-RateLimit-Reset"));
            HttpResponse<?> burst = server.calls().get("/headers/burst");
            assertEquals("\"burst\";q=50;w=5", burst.header("RateLimit-Policy"));
            assertEquals("\"burst\";r=49;t=1", burst.header("RateLimit"));
            assertEquals("50", burst.header("X-RateLimit-Limit"));
        }
    }

    @Controller("/headers")
    @Requires(property = "spec", value = "ResponseHeadersTest")
    static class Routes {

        @Get("/once")
        @RateLimit("1/day")
        String once() {
            return "ok";
        }

        @Get("/cached")
        @RateLimit("2/day")
        HttpResponse<String> cached(@QueryValue(defaultValue = "no-store") String control) {
            return HttpResponse.ok("ok").header("Cache-Control", control);
        }

        @Get("/written")
        @RateLimit(value = "5/min", policy = "orders(v3)")
        String written() {
            return "ok";
        }

        @Get("/like")
        @RateLimit(value = "5/min", policy = "com.shop.Orders.list(v1)")
        String like() {
            return "ok";
        }

        @Get("/two")
        @RateLimit(value = "2/s; 1000/h sliding", policy = "two")
        String two() {
            return "ok";
        }

        @Get("/burst")
        @RateLimit(value = "10/s burst 50", policy = "burst")
        String burst() {
            return "ok";
        }
    }
}
