package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.websocket.annotation.OnMessage;
import io.micronaut.websocket.annotation.ServerWebSocket;
import jakarta.inject.Singleton;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** The start reports limits that limit nothing, and how many there are. */
class ReachabilityTest {

    private static Map<String, Object> properties(String... pairs) {
        Map<String, Object> all = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            all.put(pairs[i], pairs[i + 1]);
        }
        return all;
    }

    private static List<String> warnings(Map<String, Object> properties) {
        try (Log log = new Log();
                TestServer server = TestServer.start(ReachabilityTest.class, properties)) {
            assertTrue(server.context().isRunning());
            return log.startingWith("RL02").stream()
                    .map(line -> line.substring(0, line.indexOf(" See https")))
                    .toList();
        }
    }

    @Test
    @Tag("netty")
    void startLogsNumberOfLimitsAndBackend() {
        ((Logger) LoggerFactory.getLogger("io.github.micronautratelimit.factory.StartLog")).setLevel(Level.INFO);
        try (Log log = new Log();
                TestServer server = TestServer.start(
                        ReachabilityTest.class,
                        properties(
                                "ratelimit.policies.one.limits", "1/h",
                                "ratelimit.rules[0].path", "/orders/**",
                                "ratelimit.rules[0].policy", "one",
                                "ratelimit.rules[1].path", "/x",
                                "ratelimit.rules[1].policy", "one"))) {
            assertTrue(server.context().isRunning());
            assertEquals(
                    List.of(
                            "Rate limits are kept in memory. Each instance of the application has its own limits. Limits on"
                                    + " routes: 3, on beans: 1, on WebSockets: 2, path rules: 2."),
                    log.startingWith("Rate limits are kept"));
        }
    }

    @Test
    void startLineCountsServicesThatAreCalledUnderLimits() {
        ((Logger) LoggerFactory.getLogger("io.github.micronautratelimit.factory.StartLog")).setLevel(Level.INFO);
        try (Log log = new Log();
                TestServer server = TestServer.start(
                        ReachabilityTest.class,
                        properties(
                                "ratelimit.clients.partner.limits", "10/s",
                                "ratelimit.clients.bank.limits", "10/s"))) {
            assertTrue(server.context().isRunning());
            String line = log.startingWith("Rate limits are kept").get(0);
            assertTrue(line.endsWith("path rules: 0. Limits on calls of other services: 2."), line);
        }
    }

    @Test
    void applicationWithoutLimitsIsWarned() {
        try (Log log = new Log();
                ApplicationContext context = ApplicationContext.run("test")) {
            assertTrue(context.isRunning());
            assertEquals(1, log.startingWith("RL024: No limit is in force").size());
        }
        assertEquals(List.of(), warnings(Map.of()));
    }

    @Test
    void disabledLimiterWarnsOfNothing() {
        try (Log log = new Log();
                ApplicationContext context = ApplicationContext.run(Map.of("ratelimit.enabled", false), "test")) {
            assertTrue(context.isRunning());
            assertEquals(List.of(), log.startingWith("RL02"));
        }
    }

    @Test
    void policyThatNothingNamesIsWarnedOf() {
        assertEquals(
                List.of(
                        "RL020: The policy \"wriet\" limits nothing, because no @RateLimit and no rule names it. Name it in"
                                + " one, or remove it from ratelimit.policies."),
                warnings(properties(
                        "ratelimit.policies.wriet.limits", "1/h",
                        "ratelimit.policies.write.limits", "3/h",
                        "ratelimit.policies.code.limits", "3/h")));
        assertEquals(
                List.of(),
                warnings(properties("ratelimit.policies.wriet.limits", "1/h", "ratelimit.silence", "RL020")));
    }

    @ParameterizedTest
    @CsvSource({
        "/orders/**, /orders/**",
        "/orders/**, /orders/{id}",
        "/**, /orders",
        "/orders, /orders/",
        "/*/**, /orders/open"
    })
    void ruleUnderExclusionIsWarnedOf(String exclusion, String rule) {
        assertEquals(
                List.of("RL021: ratelimit.rules[0]: " + rule
                        + " limits nothing, because ratelimit.exclude contains all its" + " paths with \"" + exclusion
                        + "\". Remove one of the two."),
                warnings(properties(
                        "ratelimit.policies.write.limits",
                        "1/h",
                        "ratelimit.exclude",
                        exclusion,
                        "ratelimit.rules[0].path",
                        rule,
                        "ratelimit.rules[0].policy",
                        "write")));
    }

    @ParameterizedTest
    @CsvSource({"/orders/*, /orders/**", "/orders/open, /orders/{id}", "/orders/{id}, /**", "/health/**, /orders"})
    void ruleBesideExclusionIsNotWarnedOf(String exclusion, String rule) {
        assertEquals(
                List.of(),
                warnings(properties(
                        "ratelimit.policies.write.limits",
                        "1/h",
                        "ratelimit.exclude",
                        exclusion,
                        "ratelimit.rules[0].path",
                        rule,
                        "ratelimit.rules[0].policy",
                        "write")));
    }

    @Test
    void rulesThatChargeOneRequestTwiceAreWarnedOf() {
        assertEquals(
                List.of(
                        "RL022: Requests of ratelimit.rules[1]: /orders/{id} are charged twice, because ratelimit.rules[0]:"
                                + " /orders/** has the same policy and key and contains its paths. Give one of them another policy,"
                                + " or remove it."),
                warnings(properties(
                        "ratelimit.policies.write.limits", "9/h",
                        "ratelimit.rules[0].path", "/orders/**",
                        "ratelimit.rules[0].policy", "write",
                        "ratelimit.rules[1].path", "/orders/{id}",
                        "ratelimit.rules[1].policy", "write",
                        "ratelimit.rules[2].path", "/orders/{id}",
                        "ratelimit.rules[2].policy", "write",
                        "ratelimit.rules[2].key", "{header:X-Tenant}")));
    }

    @Test
    void costThatMayExceedLimitIsWarnedOf() {
        assertEquals(
                List.of("RL023: A request on ratelimit.rules[0]: /orders may cost 100 permits, but the policy \"write\""
                        + " grants at most 50 at once, so such a request is always denied. Lower the upper bound of the"
                        + " cost, or raise the limit."),
                warnings(properties(
                        "ratelimit.policies.write.limits", "50/h",
                        "ratelimit.rules[0].path", "/orders",
                        "ratelimit.rules[0].permits", "{query:size} 1..100",
                        "ratelimit.rules[0].policy", "write")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"all", "user", "my-key"})
    void keyOfTextIsWarnedOf(String key) {
        assertEquals(
                List.of("RL026: The key of ratelimit.rules[0]: /orders is the text \"" + key
                        + "\", so all requests share one counter. Write {global} if that is meant, otherwise a placeholder"
                        + " such as {ip}."),
                warnings(properties(
                        "ratelimit.policies.write.limits", "50/h",
                        "ratelimit.rules[0].path", "/orders",
                        "ratelimit.rules[0].key", key,
                        "ratelimit.rules[0].policy", "write")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/oders/**", "/orders/x/y", "/orders/*/items", "/Api"})
    void ruleForPathOfNoRouteIsWarnedOf(String path) {
        assertEquals(
                List.of("RL025: ratelimit.rules[0]: " + path
                        + " matches the path of no route, so it limits only requests"
                        + " without a route. Compare its path with the routes, without the context path."),
                warnings(properties(
                        "ratelimit.policies.write.limits", "1/h",
                        "ratelimit.rules[0].path", path,
                        "ratelimit.rules[0].policy", "write")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/**", "/orders/**", "/ORDERS", "/orders/open", "/o*/{id}", "/files/a.txt", "/chat/red"})
    void ruleForPathOfSomeRouteIsNotWarnedOf(String path) {
        assertEquals(
                List.of(),
                warnings(properties(
                        "micronaut.router.static-resources.files.paths", "classpath:public",
                        "micronaut.router.static-resources.files.mapping", "/files/**",
                        "ratelimit.policies.write.limits", "1/h",
                        "ratelimit.rules[0].path", path,
                        "ratelimit.rules[0].policy", "write")));
    }

    @ParameterizedTest
    @CsvSource({
        "key, {path:idd}, /orders/*, write one of [id].",
        "key, {ip}/{path:idd}, /**, write one of [id",
        "permits, {path:size} 1..5, /orders/{id}, write one of [id].",
        "key, {path:id}, /orders, write another placeholder."
    })
    void pathVariableThatNoRouteHasFailsStart(String property, String value, String path, String end) {
        RuntimeException failure = assertThrows(
                RuntimeException.class,
                () -> warnings(properties(
                        "ratelimit.policies.write.limits",
                        "9/h",
                        "ratelimit.rules[0].path",
                        path,
                        "ratelimit.rules[0]." + property,
                        value,
                        "ratelimit.rules[0].policy",
                        "write")));
        String message = String.valueOf(failure.getMessage());
        String name = value.replaceAll(".*\\{path:(\\w+)}.*", "$1");
        assertTrue(
                message.contains("ratelimit.rules[0]: " + path + " uses {path:" + name
                        + "}, but no route that it limits has" + " the variable \"" + name + "\"; "),
                message);
        assertTrue(message.contains(end), message);
    }

    @Controller("/orders")
    @RateLimit("100/h")
    @Requires(property = "spec", value = "ReachabilityTest")
    static class Orders {

        @Get
        String all() {
            return "all";
        }

        @Get("/{id}")
        @RateLimit(value = "50/h", key = "{path:id}")
        String one(String id) {
            return id;
        }

        @Post
        @RateLimit(value = "10/h", policy = "write")
        String add() {
            return "added";
        }
    }

    @Singleton
    @Requires(property = "spec", value = "ReachabilityTest")
    static class Mails {

        @RateLimit("7/h")
        void send() {}
    }

    @Context
    @Requires(property = "spec", value = "ReachabilityTest")
    @Requires(property = "ratelimit.policies.code.limits")
    static class Code {

        Code(PolicyRegistry policies) {
            policies.get("code");
        }
    }

    @ServerWebSocket("/chat/{room}")
    @RateLimit("20/h")
    @Requires(property = "spec", value = "ReachabilityTest")
    static class Chat {

        @OnMessage
        @RateLimit(value = "30/h", key = "{path:room}")
        void message(String room, String text) {}
    }
}
