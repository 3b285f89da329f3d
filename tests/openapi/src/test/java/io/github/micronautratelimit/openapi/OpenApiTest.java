package io.github.micronautratelimit.openapi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.yaml.snakeyaml.Yaml;

/** The description that the compilation of the controllers has written. */
class OpenApiTest {

    private static final Map<String, Object> DOCUMENT = read();

    private static Map<String, Object> read() {
        try (InputStream file = OpenApiTest.class.getResourceAsStream("/META-INF/swagger/shop.yml")) {
            return new Yaml().load(file);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Returns the part of the document at a path; null if there is none. */
    private static @Nullable Object part(String... path) {
        Object part = DOCUMENT;
        for (String name : path) {
            if (!(part instanceof Map<?, ?> map)) {
                return null;
            }
            part = map.get(name);
        }
        return part;
    }

    private static Set<?> names(String... path) {
        return part(path) instanceof Map<?, ?> map ? map.keySet() : Set.of();
    }

    @Test
    void limitedRouteHasADenialBesideItsOwnResponse() {
        assertEquals(Set.of("200", "429"), names("paths", "/shop/items", "get", "responses"));
        assertEquals("items 200 response", part("paths", "/shop/items", "get", "responses", "200", "description"));
        assertEquals(
                Set.of("Retry-After", "RateLimit", "RateLimit-Policy"),
                names("paths", "/shop/items", "get", "responses", "429", "headers"));
        assertEquals(
                "integer",
                part("paths", "/shop/items", "get", "responses", "429", "headers", "Retry-After", "schema", "type"));
    }

    @Test
    void denialHasTheSchemaOfAProblem() {
        assertEquals(
                Map.of("$ref", "#/components/schemas/RateLimitProblem"),
                part(
                        "paths",
                        "/shop/items",
                        "get",
                        "responses",
                        "429",
                        "content",
                        "application/problem+json",
                        "schema"));
        assertEquals(
                Set.of("type", "title", "status", "detail", "violated-policies"),
                names("components", "schemas", "RateLimitProblem", "properties"));
    }

    @Test
    void extensionHasTheLimitsAsTheyAreWritten() {
        assertEquals(
                List.of(Map.of("limits", "100/min")), part("paths", "/shop/items", "get", "x-ratelimit", "limits"));
        assertEquals(
                List.of(
                        Map.of("policy", "write"),
                        Map.of("limits", "20/min", "key", "{header:X-Tenant}", "permits", "{body-size} / 1024 1..100")),
                part("paths", "/shop/orders", "post", "x-ratelimit", "limits"));
    }

    @Test
    void limitOfTheClassAppliesToItsRoutes() {
        assertEquals(
                List.of(Map.of("limits", "5/min", "key", "{principal-or-ip}")),
                part("paths", "/slow/page", "get", "x-ratelimit", "limits"));
        assertNotNull(part("paths", "/slow/page", "get", "responses", "429"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/shop/free", "/shop/unlimited", "/shop/shadow", "/slow/free"})
    void routeThatDeniesNothingHasNoDenial(String path) {
        assertEquals(Set.of("200"), names("paths", path, "get", "responses"));
        assertNull(part("paths", path, "get", "x-ratelimit"));
    }

    @Test
    void descriptionOfTheApplicationStays() {
        assertEquals("Its own description", part("paths", "/shop/described", "get", "summary"));
        assertEquals("Fine", part("paths", "/shop/described", "get", "responses", "200", "description"));
        assertEquals("Its own denial", part("paths", "/shop/described", "get", "responses", "429", "description"));
        assertEquals(Map.of("a", "b"), part("paths", "/shop/described", "get", "x-own"));
        assertEquals(
                List.of(Map.of("limits", "3/min")), part("paths", "/shop/described", "get", "x-ratelimit", "limits"));
    }
}
