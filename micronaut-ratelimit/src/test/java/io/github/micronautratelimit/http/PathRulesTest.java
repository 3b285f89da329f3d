package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.tck.RawClient;
import io.micronaut.context.annotation.Property;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Path rules apply to every spelling of a path. */
@MicronautTest(rebuildContext = true)
@Property(name = "spec", value = "PathRulesTest")
@Property(name = "micronaut.router.static-resources.files.paths", value = "classpath:public")
@Property(name = "micronaut.router.static-resources.files.mapping", value = "/files/**")
@Property(name = "ratelimit.policies.one.limits", value = "1/min")
@Property(name = "ratelimit.policies.two.limits", value = "2/min")
@Property(name = "ratelimit.policies.address.limits", value = "100/min")
@Property(name = "ratelimit.policies.agent.limits", value = "1/min")
@Property(name = "ratelimit.policies.agent.key", value = "{header:X-Agent}")
@Property(name = "ratelimit.rules[0].path", value = "/api/**")
@Property(name = "ratelimit.rules[0].policy", value = "one")
@Property(name = "ratelimit.rules[1].path", value = "/files/**")
@Property(name = "ratelimit.rules[1].methods", value = "GET")
@Property(name = "ratelimit.rules[1].policy", value = "one")
@Property(name = "ratelimit.rules[2].path", value = "/both/**")
@Property(name = "ratelimit.rules[2].policy", value = "address")
@Property(name = "ratelimit.rules[3].path", value = "/both/**")
@Property(name = "ratelimit.rules[3].policy", value = "agent")
class PathRulesTest {

    @Inject
    @Client("/")
    HttpClient client;

    @Inject
    EmbeddedServer server;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/api/orders",
                "/API/orders",
                "/api//orders",
                "/api/./orders",
                "/x/../api/orders",
                "/api/orders/",
                "/%61pi/orders",
                "/api;v=1/orders;w=2",
                "/api%2forders",
                "/x/..;/api/orders",
                "/x/%2e%2e/api/orders",
                "/api%5corders",
                "/%2561pi/orders",
                "/health/../api/orders",
                "/health/..;/api/orders",
                "http://localhost/api/orders",
                "/api/orders?x=/health",
                "/api/orders#/health"
            })
    void noSpellingOfPathEvadesRule(String path) throws IOException {
        assertEquals(200, RawClient.status(server.getPort(), "/api/orders"));
        int status = RawClient.status(server.getPort(), path);
        assertTrue(status == 429 || status == 400, path + " returned " + status);
    }

    /** On servlet containers, Micronaut parses the text after two slashes as a host and finds no route. */
    @ParameterizedTest
    @Tag("netty")
    @ValueSource(strings = {"//api/orders", "http://localhost//api/orders", "///api/orders"})
    void twoLeadingSlashesDoNotEvadeRule(String path) throws IOException {
        assertEquals(200, RawClient.status(server.getPort(), "/api/orders"));
        assertEquals(429, RawClient.status(server.getPort(), path));
    }

    /** Servlet containers serve static resources without the filters of Micronaut. */
    @Test
    @Tag("netty")
    void rulesApplyToStaticResourcesAndHead() {
        Calls calls = new Calls(client);
        assertEquals(200, calls.status(HttpRequest.HEAD("/files/hello.txt")));
        HttpResponse<?> denied = calls.get("/files/hello.txt");
        assertEquals(429, denied.code());
        assertEquals("\"one\";r=0;t=60", denied.header("RateLimit"));
    }

    @Test
    void annotationsPrecedeRulesInOneDecision() {
        Calls calls = new Calls(client);
        HttpResponse<?> first = calls.get("/both", "X-Agent", "a");
        assertEquals("\"two\";r=1;t=30, \"address\";r=99;t=1, \"agent\";r=0;t=60", first.header("RateLimit"));
        assertEquals(
                List.of(429, 429), calls.get("/both", 2, "X-Agent", "a"), "denied by the rule with the agent as key");
        assertEquals(
                List.of(200),
                calls.get("/both", 1, "X-Agent", "b"),
                "the denials cost the limit of the annotation nothing");
        HttpResponse<?> denied = calls.get("/both", "X-Agent", "c");
        assertEquals("\"two\";r=0;t=30", denied.header("RateLimit"));
    }

    @Controller
    @Requires(property = "spec", value = "PathRulesTest")
    static class Routes {

        @Get("/api/orders")
        String orders() {
            return "ok";
        }

        @Get("/both")
        @RateLimit(policy = "two")
        String both() {
            return "ok";
        }
    }
}
