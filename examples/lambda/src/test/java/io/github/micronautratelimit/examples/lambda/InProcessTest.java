package io.github.micronautratelimit.examples.lambda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.amazonaws.services.lambda.runtime.events.APIGatewayProxyRequestEvent;
import com.amazonaws.services.lambda.runtime.events.APIGatewayProxyResponseEvent;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPEvent;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPResponse;
import com.amazonaws.services.lambda.runtime.events.ApplicationLoadBalancerRequestEvent;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.ApplicationContext;
import io.micronaut.function.aws.proxy.MockLambdaContext;
import io.micronaut.function.aws.proxy.alb.ApplicationLoadBalancerFunction;
import io.micronaut.function.aws.proxy.payload1.ApiGatewayProxyRequestEventFunction;
import io.micronaut.function.aws.proxy.payload2.APIGatewayV2HTTPEventFunction;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Calls the handlers directly. Each application context is an instance of the function. */
class InProcessTest {

    /** The function behind an HTTP API or at a function URL; both send the same events. */
    @Test
    void instancesBehindAnHttpApiShareALimit() throws Exception {
        String table = LocalTable.create();
        try (var one = new APIGatewayV2HTTPEventFunction(start(table));
                var two = new APIGatewayV2HTTPEventFunction(start(table))) {
            List<Integer> statuses = new ArrayList<>();
            APIGatewayV2HTTPResponse last = null;
            for (int i = 0; i < 8; i++) {
                last = (i % 2 == 0 ? one : two)
                        .handleRequest(v2("192.0.2.1", "203.0.113." + i), new MockLambdaContext());
                statuses.add(last.getStatusCode());
            }
            assertEquals(List.of(200, 200, 200, 200, 200, 429, 429, 429), statuses);
            int retryAfter = Integer.parseInt(header(last.getMultiValueHeaders(), last.getHeaders(), "Retry-After"));
            assertTrue(retryAfter > 3_590 && retryAfter <= 3_660, () -> "Retry-After: " + retryAfter);
            assertEquals(
                    200,
                    two.handleRequest(v2("192.0.2.2", "192.0.2.1"), new MockLambdaContext())
                            .getStatusCode());
        }
    }

    @Test
    void restApiEventsHaveTheClientAddress() throws Exception {
        try (var function = new ApiGatewayProxyRequestEventFunction(start(LocalTable.create()))) {
            Function<APIGatewayProxyRequestEvent, APIGatewayProxyResponseEvent> call =
                    event -> function.handleRequest(event, new MockLambdaContext());
            List<Integer> statuses = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                statuses.add(call.apply(v1("192.0.2.1", "203.0.113." + i)).getStatusCode());
            }
            assertEquals(List.of(200, 200, 200, 200, 200, 429), statuses);
            assertEquals(200, call.apply(v1("192.0.2.2", "192.0.2.1")).getStatusCode());
        }
    }

    private interface Call {
        int status(String forwarded) throws Exception;
    }

    private static List<Integer> statuses(Call call, String... forwarded) throws Exception {
        List<Integer> statuses = new ArrayList<>();
        for (String header : forwarded) {
            statuses.add(call.status(header));
        }
        return statuses;
    }

    /** The load balancer appends the address of its client; what the client has sent is before that. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void loadBalancerEventsHaveTheClientInTheLastHop(boolean multiValue) throws Exception {
        try (var function = new ApplicationLoadBalancerFunction(start(LocalTable.create()))) {
            Call call =
                    forwarded -> function.handleRequest(loadBalancer(forwarded, multiValue), new MockLambdaContext())
                            .getStatusCode();
            assertEquals(
                    List.of(200, 200, 200, 200, 200, 429, 429),
                    statuses(
                            call,
                            "192.0.2.1",
                            "203.0.113.1, 192.0.2.1",
                            "203.0.113.2,192.0.2.1",
                            "not an address, 192.0.2.1",
                            "\"203.0.113.3, 192.0.2.1:4711",
                            "203.0.113.4, 192.0.2.1",
                            "192.0.2.1"));
            assertEquals(
                    List.of(200, 200, 200, 200, 200, 429, 200),
                    statuses(
                            call,
                            "192.0.2.1, 2001:db8::1",
                            "2001:db8::2",
                            "[2001:db8::3]",
                            "[2001:db8::4]:4711",
                            "2001:db8:0:0:1::",
                            "2001:db8::5",
                            "192.0.2.2"));
        }
    }

    /** A CDN in front of the load balancer, as a range of addresses and as a number of proxies. */
    @ParameterizedTest
    @ValueSource(strings = {"198.51.100.0/24", "2"})
    void proxiesInFrontOfTheLoadBalancerAreTrustedIfDeclared(String proxies) throws Exception {
        try (var function =
                new ApplicationLoadBalancerFunction(start(LocalTable.create(), "ratelimit.trusted-proxies", proxies))) {
            Call call = forwarded -> function.handleRequest(loadBalancer(forwarded, true), new MockLambdaContext())
                    .getStatusCode();
            assertEquals(
                    List.of(200, 200, 200, 200, 200, 429, 200),
                    statuses(
                            call,
                            "192.0.2.1, 198.51.100.1",
                            "192.0.2.1, 198.51.100.2",
                            "192.0.2.1, 198.51.100.3",
                            "203.0.113.1, 192.0.2.1, 198.51.100.3",
                            "203.0.113.2, 192.0.2.1, 198.51.100.3",
                            "203.0.113.3, 192.0.2.1, 198.51.100.4",
                            "192.0.2.2, 198.51.100.4"));
        }
    }

    /** One counted proxy is the load balancer itself. */
    @Test
    void loadBalancerMayBeCounted() throws Exception {
        try (var function =
                new ApplicationLoadBalancerFunction(start(LocalTable.create(), "ratelimit.trusted-proxies", "1"))) {
            Call call = forwarded -> function.handleRequest(loadBalancer(forwarded, false), new MockLambdaContext())
                    .getStatusCode();
            assertEquals(
                    List.of(200, 200, 200, 200, 200, 429, 200),
                    statuses(
                            call,
                            "203.0.113.1, 192.0.2.1",
                            "203.0.113.2, 192.0.2.1",
                            "203.0.113.3, 192.0.2.1",
                            "203.0.113.4, 192.0.2.1",
                            "203.0.113.5, 192.0.2.1",
                            "203.0.113.6, 192.0.2.1",
                            "192.0.2.1, 192.0.2.2"));
        }
    }

    /** Direct invocations, console tests and pings have no client. They share an address and fail nothing. */
    @Test
    void eventsWithoutAnAddressShareOne() throws Exception {
        try (var v2 = new APIGatewayV2HTTPEventFunction(start(LocalTable.create()));
                var v1 = new ApiGatewayProxyRequestEventFunction(start(LocalTable.create()));
                var balancer = new ApplicationLoadBalancerFunction(start(LocalTable.create()))) {
            List<APIGatewayV2HTTPEvent> events = List.of(v2(null, "203.0.113.1"), v2("", "203.0.113.2"));
            APIGatewayProxyRequestEvent withoutIdentity = v1("192.0.2.1", "203.0.113.1");
            withoutIdentity.getRequestContext().setIdentity(null);
            for (int i = 0; i < 6; i++) {
                int expected = i < 5 ? 200 : 429;
                assertEquals(
                        expected,
                        v2.handleRequest(events.get(i % 2), new MockLambdaContext())
                                .getStatusCode());
                assertEquals(
                        expected,
                        v1.handleRequest(
                                        i % 2 == 0 ? withoutIdentity : v1(null, "203.0.113." + i),
                                        new MockLambdaContext())
                                .getStatusCode());
                assertEquals(
                        expected,
                        balancer.handleRequest(
                                        loadBalancer(i % 2 == 0 ? "nonsense" : "", i % 3 == 0), new MockLambdaContext())
                                .getStatusCode());
            }
            // The console of the gateway states this text, which is no address either.
            assertEquals(
                    429,
                    v1.handleRequest(v1("test-invoke-source-ip", "203.0.113.1"), new MockLambdaContext())
                            .getStatusCode());
        }
    }

    /** The key that the gateway has verified counts, and not a header that any client can send. */
    @Test
    void verifiedApiKeyIsTheKeyOfTheClient() throws Exception {
        try (var function = new ApiGatewayProxyRequestEventFunction(start(LocalTable.create()))) {
            List<Integer> statuses = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                APIGatewayProxyRequestEvent event =
                        v1("192.0.2.1", "203.0.113." + i).withPath("/by-key");
                event.setHeaders(Map.of("X-API-Key", "forged" + i));
                event.setMultiValueHeaders(Map.of("X-API-Key", List.of("forged" + i)));
                event.getRequestContext().getIdentity().setApiKey(i % 2 == 0 ? "first" : "second");
                statuses.add(
                        function.handleRequest(event, new MockLambdaContext()).getStatusCode());
            }
            assertEquals(List.of(200, 200, 200, 200, 200, 200, 429, 429), statuses);
        }
    }

    @Controller("/by-key")
    static class ByKeyController {

        @Get(produces = MediaType.TEXT_PLAIN)
        @RateLimit(value = "3/h sliding", key = "{api-key}")
        String get() {
            return "ok";
        }
    }

    /** The headers of a 429 reach the client through the answers of every gateway. */
    @Test
    void headersOfDenialsAreInEveryAnswer() throws Exception {
        try (var v2 = new APIGatewayV2HTTPEventFunction(start(LocalTable.create()));
                var v1 = new ApiGatewayProxyRequestEventFunction(start(LocalTable.create()));
                var balancer = new ApplicationLoadBalancerFunction(start(LocalTable.create()))) {
            for (int i = 0; i < 5; i++) {
                v2.handleRequest(v2("192.0.2.1", "203.0.113.1"), new MockLambdaContext());
                v1.handleRequest(v1("192.0.2.1", "203.0.113.1"), new MockLambdaContext());
                balancer.handleRequest(loadBalancer("192.0.2.1", true), new MockLambdaContext());
            }
            var ofV2 = v2.handleRequest(v2("192.0.2.1", "203.0.113.1"), new MockLambdaContext());
            var ofV1 = v1.handleRequest(v1("192.0.2.1", "203.0.113.1"), new MockLambdaContext());
            var ofMulti = balancer.handleRequest(loadBalancer("192.0.2.1", true), new MockLambdaContext());
            var ofSingle = balancer.handleRequest(loadBalancer("192.0.2.1", false), new MockLambdaContext());
            for (String name : List.of("Retry-After", "RateLimit", "RateLimit-Policy", "Cache-Control")) {
                assertFalse(header(ofV2.getMultiValueHeaders(), ofV2.getHeaders(), name)
                        .isEmpty());
                assertFalse(header(ofV1.getMultiValueHeaders(), null, name).isEmpty());
                assertFalse(header(ofMulti.getMultiValueHeaders(), null, name).isEmpty());
                assertFalse(header(null, ofSingle.getHeaders(), name).isEmpty());
            }
            assertEquals(
                    List.of(429, 429, 429, 429),
                    List.of(
                            ofV2.getStatusCode(),
                            ofV1.getStatusCode(),
                            ofMulti.getStatusCode(),
                            ofSingle.getStatusCode()));
        }
    }

    private static ApplicationLoadBalancerRequestEvent loadBalancer(String forwarded, boolean multiValue) {
        var event = new ApplicationLoadBalancerRequestEvent();
        event.setHttpMethod("GET");
        event.setPath("/quote");
        var context = new ApplicationLoadBalancerRequestEvent.RequestContext();
        event.setRequestContext(context);
        if (forwarded.isEmpty()) {
            event.setHeaders(Map.of("accept", "text/plain"));
        } else if (multiValue) {
            event.setMultiValueHeaders(Map.of("x-forwarded-for", List.of(forwarded), "accept", List.of("text/plain")));
        } else {
            event.setHeaders(Map.of("x-forwarded-for", forwarded, "accept", "text/plain"));
        }
        return event;
    }

    private static ApplicationContext start(String table, String property, String value) {
        Map<String, Object> properties = new HashMap<>(LocalTable.properties(table));
        properties.put(property, value);
        return ApplicationContext.builder()
                .properties(properties)
                .deduceEnvironment(false)
                .start();
    }

    private static ApplicationContext start(String table) {
        return ApplicationContext.builder()
                .properties(LocalTable.properties(table))
                .deduceEnvironment(false)
                .start();
    }

    /** Makes the request of a client that forges another address in a header. */
    private static APIGatewayV2HTTPEvent v2(String source, String forwarded) {
        return APIGatewayV2HTTPEvent.builder()
                .withVersion("2.0")
                .withRouteKey("$default")
                .withRawPath("/quote")
                .withRawQueryString("")
                .withHeaders(Map.of("x-forwarded-for", forwarded, "accept", "text/plain"))
                .withRequestContext(APIGatewayV2HTTPEvent.RequestContext.builder()
                        .withHttp(APIGatewayV2HTTPEvent.RequestContext.Http.builder()
                                .withMethod("GET")
                                .withPath("/quote")
                                .withSourceIp(source)
                                .build())
                        .build())
                .build();
    }

    private static APIGatewayProxyRequestEvent v1(String source, String forwarded) {
        var context = new APIGatewayProxyRequestEvent.ProxyRequestContext()
                .withHttpMethod("GET")
                .withPath("/quote")
                .withIdentity(new APIGatewayProxyRequestEvent.RequestIdentity().withSourceIp(source));
        return new APIGatewayProxyRequestEvent()
                .withHttpMethod("GET")
                .withPath("/quote")
                .withResource("/{proxy+}")
                .withHeaders(Map.of("X-Forwarded-For", forwarded))
                .withMultiValueHeaders(Map.of("X-Forwarded-For", List.of(forwarded)))
                .withRequestContext(context);
    }

    private static String header(Map<String, List<String>> several, Map<String, String> single, String name) {
        List<String> found = new ArrayList<>();
        (several == null ? Collections.<String, List<String>>emptyMap() : several).forEach((key, values) -> {
            if (key.equalsIgnoreCase(name)) {
                found.addAll(values);
            }
        });
        (single == null ? Collections.<String, String>emptyMap() : single).forEach((key, value) -> {
            if (key.equalsIgnoreCase(name)) {
                found.add(value);
            }
        });
        return found.get(0);
    }
}
