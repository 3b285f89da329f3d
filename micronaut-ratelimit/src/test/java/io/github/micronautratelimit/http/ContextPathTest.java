package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.tck.RawClient;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Rules and exclusions are paths within the application, whatever its context path. */
class ContextPathTest {

    private static Map<String, Object> properties(String context, String path, String... further) {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("micronaut.server.context-path", context);
        all.put("ratelimit.policies.one.limits", "1/h");
        all.put("ratelimit.rules[0].path", path);
        all.put("ratelimit.rules[0].policy", "one");
        for (int i = 0; i < further.length; i += 2) {
            all.put(further[i], further[i + 1]);
        }
        return all;
    }

    @ParameterizedTest
    @CsvSource({
        "/app, /orders/**",
        "/app, /orders/7",
        "/app, /orders/{id}",
        "/app, /Orders/*",
        "/app, /**",
        "/app/, /orders/*",
        "/one/two, /orders/*"
    })
    void ruleMatchesPathWithinApplication(String context, String rule) {
        String prefix = "/" + context.replaceAll("^/|/$", "");
        try (TestServer server = TestServer.start(ContextPathTest.class, properties(context, rule))) {
            assertEquals(List.of(200, 429), server.calls().get(prefix + "/orders/7", 2));
        }
    }

    /** Servlet engines do not start with such a context path. */
    @Test
    @Tag("netty")
    void contextPathMayLackSlash() {
        ruleMatchesPathWithinApplication("app", "/orders/*");
    }

    @ParameterizedTest
    @ValueSource(strings = {"/app//orders/7", "/x/../app/orders/7", "/%61pp/orders/7", "/app;v=1/orders/7"})
    void noSpellingOfContextPathEvadesRule(String path) throws Exception {
        try (TestServer server = TestServer.start(ContextPathTest.class, properties("/app", "/orders/**"))) {
            int port = server.port();
            assertEquals(200, RawClient.status(port, "/app/orders/7"));
            int status = RawClient.status(port, path);
            // A servlet engine may reject the path, or redirect to another one.
            assertTrue(status == 429 || status == 400 || status / 100 == 3, () -> "status " + status);
        }
    }

    @Test
    void exclusionMatchesPathWithinApplication() {
        try (TestServer server =
                TestServer.start(ContextPathTest.class, properties("/app", "/**", "ratelimit.exclude", "/orders/*"))) {
            assertEquals(List.of(200, 200), server.calls().get("/app/orders/7", 2));
            assertEquals(List.of(404, 404), server.calls().get("/app/favicon.ico", 2), "a default exclusion");
            assertEquals(List.of(404, 429), server.calls().get("/app/elsewhere", 2));
        }
    }

    @Test
    @Tag("netty")
    void ruleMatchesStaticResourceWithinApplication() {
        try (TestServer server = TestServer.start(
                ContextPathTest.class,
                properties(
                        "/app",
                        "/files/**",
                        "micronaut.router.static-resources.files.paths",
                        "classpath:public",
                        "micronaut.router.static-resources.files.mapping",
                        "/files/**"))) {
            assertEquals(List.of(200, 429), server.calls().get("/app/files/hello.txt", 2));
        }
    }

    /** The endpoints may have a context path of their own. */
    @Test
    @Tag("netty")
    void pathOutsideContextPathIsMatchedAsWhole() {
        try (TestServer server = TestServer.start(ContextPathTest.class, properties("/app", "/mgmt/**"))) {
            assertEquals(List.of(404, 429), server.calls().get("/mgmt/loggers", 2));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "/app/orders/**, /orders/**",
        "/App/orders, /orders",
        "/app, /",
    })
    void patternWithContextPathFailsStart(String pattern, String within) {
        String message = "\"" + pattern + "\" starts with the context path \"/app\", but a pattern matches paths within"
                + " the application; write \"" + within + "\".";
        assertEquals("ratelimit.rules[0].path = " + message, failure(properties("/app", pattern)));
        assertEquals(
                "ratelimit.exclude = " + message, failure(properties("/app", "/orders", "ratelimit.exclude", pattern)));
    }

    @Test
    void pathThatOnlyBeginsLikeContextPathIsWithin() {
        try (TestServer server = TestServer.start(ContextPathTest.class, properties("/or", "/orders/*"))) {
            assertEquals(List.of(200, 429), server.calls().get("/or/orders/7", 2));
        }
    }

    private static String failure(Map<String, Object> properties) {
        Throwable failure =
                assertThrows(RuntimeException.class, () -> TestServer.start(ContextPathTest.class, properties)
                        .close());
        while (failure.getCause() != null && !(failure instanceof ConfigurationException)) {
            failure = failure.getCause();
        }
        return String.valueOf(failure.getMessage());
    }

    @Controller
    @Requires(property = "spec", value = "ContextPathTest")
    static class Routes {

        @Get("/orders/{id}")
        String order(String id) {
            return id;
        }
    }
}
