package io.github.micronautratelimit.management;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micronaut.context.ApplicationContext;
import io.micronaut.core.type.Argument;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.client.HttpClient;
import io.micronaut.runtime.server.EmbeddedServer;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The endpoint reports each case as a policy of its own. */
class CasesReportTest {

    private static final Argument<Map<String, Object>> JSON = Argument.mapOf(String.class, Object.class);

    @Test
    @SuppressWarnings("unchecked")
    void casesAreListedWithKeysAndLimits() {
        Map<String, Object> properties = Map.of(
                "micronaut.server.port",
                -1,
                "endpoints.ratelimits.sensitive",
                false,
                "endpoints.ratelimits.write-sensitive",
                false,
                "ratelimit.default",
                "7/h",
                "ratelimit.policies.api.key",
                "{header:X-User}",
                "ratelimit.policies.api.limits",
                "9/h",
                "ratelimit.policies.api.cases",
                List.of("header:X-Anonymous: 3/h by {ip}", "method:TRACE: deny"),
                "ratelimit.policies.api.overrides",
                List.of(Map.of("key", "vip", "limits", "unlimited")),
                "ratelimit.rules[0].path",
                "/none/**",
                "ratelimit.rules[0].policy",
                "api");
        try (EmbeddedServer server = ApplicationContext.run(EmbeddedServer.class, properties, "test");
                HttpClient client = server.getApplicationContext().createBean(HttpClient.class, server.getURI())) {
            Map<String, Object> policies = (Map<String, Object>) client.toBlocking()
                    .retrieve(HttpRequest.GET("/ratelimits"), JSON)
                    .get("policies");
            assertEquals(List.of("api", "api:header:x-anonymous", "default"), List.copyOf(policies.keySet()));
            Map<String, Object> anonymous = (Map<String, Object>) policies.get("api:header:x-anonymous");
            assertEquals(List.of("3/h"), anonymous.get("limits"));
            assertEquals("{ip}", anonymous.get("key"));
            assertTrue(
                    anonymous.get("declaredIn").toString().startsWith("ratelimit.policies.api.cases of "),
                    anonymous.toString());
            assertEquals("ratelimit.default", ((Map<String, Object>) policies.get("default")).get("declaredIn"));
            assertTrue(policies.get("api").toString().contains("limits=[unlimited]"), policies.toString());
            assertEquals(
                    3,
                    client.toBlocking()
                            .retrieve(
                                    HttpRequest.POST(
                                            "/ratelimits/peek",
                                            Map.of("policy", "api:header:x-anonymous", "key", "192.0.2.1")),
                                    JSON)
                            .get("remaining"));
        }
    }
}
