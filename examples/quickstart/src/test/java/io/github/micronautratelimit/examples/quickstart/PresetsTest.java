package io.github.micronautratelimit.examples.quickstart;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.MutableHttpRequest;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Tests the presets of docs/presets.adoc in this application. */
@MicronautTest(rebuildContext = true)
class PresetsTest {

    @Inject
    @Client("/")
    HttpClient client;

    @Test
    void eachTokenHasSixtyAttemptsAMinuteValidOrNot() {
        assertEquals(
                Collections.nCopies(60, 401),
                statuses(60, HttpRequest.GET("/auth/me").bearerAuth("wrong")));
        assertEquals(429, call(HttpRequest.GET("/auth/me").bearerAuth("wrong")).code());
        HttpResponse<?> valid = call(HttpRequest.GET("/auth/me").bearerAuth("demo-ann"));
        assertEquals(200, valid.code());
        assertEquals("\"authentication\";r=59;t=1, \"guessing\";r=539;t=1", valid.header("RateLimit"));
    }

    @Test
    void agentRequestsRolesTenTimesAMinute() {
        for (int i = 0; i < 10; i++) {
            assertEquals(
                    202,
                    call(HttpRequest.POST("/roles/role-" + i + "/requests", "").bearerAuth("demo-a7"))
                            .code());
        }
        assertEquals(
                "6",
                call(HttpRequest.POST("/roles/admin/requests", "").bearerAuth("demo-a7"))
                        .header("Retry-After"));
        assertEquals(
                202,
                call(HttpRequest.POST("/roles/admin/requests", "").bearerAuth("demo-a8"))
                        .code());
        assertEquals(401, call(HttpRequest.POST("/roles/admin/requests", "")).code(), "without an agent");
    }

    @Test
    void accountIsLimitedPerUserAddressAndApiKeyAllOrNothing() {
        MutableHttpRequest<?> ann =
                HttpRequest.GET("/account").bearerAuth("demo-ann").header("X-API-Key", "k");
        HttpResponse<?> first = call(ann);
        assertEquals(
                "\"address\";q=100;w=60, \"key\";q=10000;w=86400, \"user\";q=1000;w=3600",
                first.header("RateLimit-Policy"));
        assertEquals(Collections.nCopies(99, 200), statuses(99, ann));
        assertEquals("\"address\";r=0;t=1", call(ann).header("RateLimit"));
        MutableHttpRequest<?> ben =
                HttpRequest.GET("/account").bearerAuth("demo-ben").header("X-API-Key", "l");
        assertEquals(List.of(429), statuses(1, ben), "the same address");
    }

    private List<Integer> statuses(int times, HttpRequest<?> request) {
        return IntStream.range(0, times).mapToObj(i -> call(request).code()).toList();
    }

    private HttpResponse<?> call(HttpRequest<?> request) {
        try {
            return client.toBlocking().exchange(request, String.class);
        } catch (HttpClientResponseException e) {
            return e.getResponse();
        }
    }
}
