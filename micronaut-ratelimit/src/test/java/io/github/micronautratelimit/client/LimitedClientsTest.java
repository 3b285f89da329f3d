package io.github.micronautratelimit.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.OnError;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.env.MapPropertySource;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.http.BasicHttpAttributes;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.client.ClientAttributes;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The configuration of limited clients: an invalid one fails the start with one sentence. */
class LimitedClientsTest {

    private static ApplicationContext start(Map<String, Object> properties) {
        return ApplicationContext.run(properties);
    }

    private static String failure(Map<String, Object> properties) {
        Throwable failure =
                assertThrows(RuntimeException.class, () -> start(properties).close());
        while (failure.getCause() != null && !(failure instanceof ConfigurationException)) {
            failure = failure.getCause();
        }
        return Objects.toString(failure.getMessage());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "max-wait | -1s | max-wait = \"PT-1S\": write a duration of more than 0s and at most 1h, such as 2s.",
                "max-wait | 0s | max-wait = \"PT0S\": write a duration of more than 0s and at most 1h, such as 2s.",
                "max-wait | 61m | max-wait = \"PT1H1M\": write a duration of more than 0s and at most 1h, such as 2s.",
                "max-wait | soon | max-wait = \"soon\" is invalid; write a duration such as 100ms, 10s or 1m.",
                "retry | -1 | retry = \"-1\": write how often a call is repeated, 0 to 10.",
                "retry | 11 | retry = \"11\": write how often a call is repeated, 0 to 10.",
                "retry | often | retry = \"often\" is invalid; write a whole number.",
                "retry | 2 | retry = \"2\": a call that does not wait is never repeated; add ratelimit.clients.partner."
                        + "max-wait, such as 2s.",
                "retry-methods | POST | retry-methods = \"POST\": no call is repeated; add ratelimit.clients.partner."
                        + "retry, or remove this property.",
                "retry-methods | get | retry-methods = \"get\": write the names of HTTP methods in upper case, such as "
                        + "[GET, PUT].",
                "learn | often | learn = \"often\" is invalid; write true or false.",
                "max-hold-back | 0s | max-hold-back = \"PT0S\": write a duration from 1s to 24h, such as 5m.",
                "max-hold-back | 25h | max-hold-back = \"PT25H\": write a duration from 1s to 24h, such as 5m.",
                "host | http://api.example.com | host = \"http://api.example.com\": this is not a host; write one without "
                        + "scheme and path, such as api.example.com or api.example.com:8443.",
                "host | api.example.com/v1 | host = \"api.example.com/v1\": this is not a host; write one without scheme "
                        + "and path, such as api.example.com or api.example.com:8443.",
                "on-error | never | on-error = \"never\" is invalid; write one of open, closed, local.",
                "partition | {ip} | partition = \"{ip}\": an outgoing request has no {ip}; write {bearer-token}, "
                        + "{api-key}, {header:NAME} or {query:NAME}.",
                "partition | bearer-token | partition = The key \"bearer-token\" has no placeholder, so all requests "
                        + "would share one counter; write a placeholder in braces, such as \"{ip}\" or \"{principal}\", "
                        + "or \"{global}\" if they are to share one.",
                "limits | 5 concurrent | limits = \"5 concurrent\": a concurrency limit alone cannot hold calls back; "
                        + "add a rate limit such as \"10/s\".",
                "limits | 10 | limits = \"10\": '/' was expected at the end; write a limit like \"100/min\", "
                        + "\"5/s burst 20\", \"1000/h sliding\", \"10000/day fixed\" or \"5 concurrent\"."
            })
    void invalidValueFailsStartUp(String property, String value, String message) {
        Map<String, Object> properties = new HashMap<>(Map.of("ratelimit.clients.partner.limits", "10/s"));
        properties.put("ratelimit.clients.partner." + property, value);
        assertEquals("ratelimit.clients.partner." + message, failure(properties));
    }

    @Test
    void missingLimitsFailStartUp() {
        assertEquals(
                "ratelimit.clients.partner.limits is missing; write what the service allows, such as \"10/s burst 1\".",
                failure(Map.of("ratelimit.clients.partner.max-wait", "2s")));
    }

    @Test
    void unknownPropertyFailsStartUp() {
        assertEquals(
                "Unknown property `ratelimit.clients.partner.retries`; did you mean `ratelimit.clients.partner.retry`?",
                failure(Map.of("ratelimit.clients.partner.retries", "2")));
    }

    @ParameterizedTest
    @CsvSource({"host, API.example.com, api.example.com", "service-id, api, api"})
    void twoClientsOfOneServiceFailStartUp(String property, String one, String other) {
        assertEquals(
                "ratelimit.clients.b." + property + " = \"" + other
                        + "\" is also that of ratelimit.clients.a; write the" + " limits of a service once.",
                failure(Map.of(
                        "ratelimit.clients.a.limits",
                        "1/s",
                        "ratelimit.clients.a." + property,
                        one,
                        "ratelimit.clients.b.limits",
                        "1/s",
                        "ratelimit.clients.b." + property,
                        other)));
    }

    @Test
    void holdBackWithoutLearningFailsStartUp() {
        assertEquals(
                "ratelimit.clients.partner.max-hold-back = \"PT10S\": no answer holds calls back; remove"
                        + " ratelimit.clients.partner.learn, or this property.",
                failure(Map.of(
                        "ratelimit.clients.partner.limits",
                        "1/s",
                        "ratelimit.clients.partner.learn",
                        "false",
                        "ratelimit.clients.partner.max-hold-back",
                        "10s")));
    }

    @Test
    void environmentVariablesConfigureClients() {
        Map<String, Object> variables = Map.of(
                "RATELIMIT_CLIENTS_BIG_PARTNER_LIMITS",
                "7/h",
                "RATELIMIT_CLIENTS_BIG_PARTNER_MAX_WAIT",
                "3s",
                "RATELIMIT_CLIENTS_BIG_PARTNER_ON_ERROR",
                "closed");
        MapPropertySource source = new MapPropertySource("variables", variables) {
            @Override
            public PropertyConvention getConvention() {
                return PropertyConvention.ENVIRONMENT_VARIABLE;
            }
        };
        try (ApplicationContext context =
                ApplicationContext.builder().propertySources(source).start()) {
            LimitedClients clients = context.getBean(LimitedClients.class);
            assertEquals(1, clients.all().size());
            LimitedClient client = clients.all().get(0);
            assertEquals("big-partner", client.name());
            assertEquals(Set.of("big-partner"), client.serviceIds());
            assertEquals(Duration.ofSeconds(3), client.maxWait());
            assertEquals(OnError.CLOSED, client.policy().onError());
        }
    }

    @ParameterizedTest
    @CsvSource(
            nullValues = "-",
            value = {
                "http://api.example.com/a, -, hosts",
                "http://API.example.com:8443/a, -, hosts",
                "http://ports.example.com:81/, -, ports",
                "http://ports.example.com:82/, -, -",
                "http://10.0.0.7:9000/a, orders, orders",
                "http://api.example.com/a, orders, orders",
                "http://10.0.0.7/a, other, -",
                "/relative, -, -"
            })
    void identifierOfServiceDecidesBeforeHost(String uri, String serviceId, String expected) {
        try (ApplicationContext context = start(Map.of(
                "ratelimit.clients.orders.limits", "1/s",
                "ratelimit.clients.hosts.limits", "1/s",
                "ratelimit.clients.hosts.host", "api.example.com,b.example.com",
                "ratelimit.clients.ports.limits", "1/s",
                "ratelimit.clients.ports.host", "ports.example.com:81"))) {
            HttpRequest<?> request = HttpRequest.GET(uri);
            if (serviceId != null) {
                ClientAttributes.setServiceId(request, serviceId);
                assertTrue(BasicHttpAttributes.getServiceId(request).isPresent());
            }
            LimitedClient found = context.getBean(LimitedClients.class).find(request);
            assertEquals(expected, found == null ? null : found.name());
        }
    }
}
