package io.github.micronautratelimit.examples.lambda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

import org.junit.jupiter.api.Test;

import com.amazonaws.services.lambda.runtime.events.APIGatewayProxyRequestEvent;
import com.amazonaws.services.lambda.runtime.events.APIGatewayProxyResponseEvent;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPEvent;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPResponse;

import io.micronaut.context.ApplicationContext;
import io.micronaut.function.aws.proxy.MockLambdaContext;
import io.micronaut.function.aws.proxy.payload1.ApiGatewayProxyRequestEventFunction;
import io.micronaut.function.aws.proxy.payload2.APIGatewayV2HTTPEventFunction;

/** The handlers called directly: an application context each is an instance of the function each. */
class InProcessTest {

    /** Behind an HTTP API, or at a function URL, whose events have the same form. */
    @Test
    void twoInstancesShareALimit() throws Exception {
        String table = LocalTable.create();
        try (var one = new APIGatewayV2HTTPEventFunction(start(table));
                var two = new APIGatewayV2HTTPEventFunction(start(table))) {
            List<Integer> statuses = new ArrayList<>();
            APIGatewayV2HTTPResponse last = null;
            for (int i = 0; i < 8; i++) {
                last = (i % 2 == 0 ? one : two).handleRequest(v2("192.0.2.1", "203.0.113." + i), new MockLambdaContext());
                statuses.add(last.getStatusCode());
            }
            assertEquals(List.of(200, 200, 200, 200, 200, 429, 429, 429), statuses);
            int retryAfter = Integer.parseInt(header(last.getMultiValueHeaders(), last.getHeaders(), "Retry-After"));
            assertTrue(retryAfter > 3_590 && retryAfter <= 3_660, () -> "Retry-After: " + retryAfter);
            assertEquals(200, two.handleRequest(v2("192.0.2.2", "192.0.2.1"), new MockLambdaContext()).getStatusCode());
        }
    }

    /** Behind a REST API. */
    @Test
    void theOlderGatewayTellsTheAddressElsewhere() throws Exception {
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

    private static ApplicationContext start(String table) {
        return ApplicationContext.builder().properties(LocalTable.settings(table)).deduceEnvironment(false).start();
    }

    /** A client at an address who claims to be forwarded from another. */
    private static APIGatewayV2HTTPEvent v2(String source, String forwarded) {
        return APIGatewayV2HTTPEvent.builder().withVersion("2.0").withRouteKey("$default").withRawPath("/quote")
                .withRawQueryString("").withHeaders(Map.of("x-forwarded-for", forwarded, "accept", "text/plain"))
                .withRequestContext(APIGatewayV2HTTPEvent.RequestContext.builder()
                        .withHttp(APIGatewayV2HTTPEvent.RequestContext.Http.builder()
                                .withMethod("GET").withPath("/quote").withSourceIp(source).build()).build())
                .build();
    }

    private static APIGatewayProxyRequestEvent v1(String source, String forwarded) {
        var context = new APIGatewayProxyRequestEvent.ProxyRequestContext().withHttpMethod("GET").withPath("/quote")
                .withIdentity(new APIGatewayProxyRequestEvent.RequestIdentity().withSourceIp(source));
        return new APIGatewayProxyRequestEvent().withHttpMethod("GET").withPath("/quote").withResource("/{proxy+}")
                .withHeaders(Map.of("X-Forwarded-For", forwarded))
                .withMultiValueHeaders(Map.of("X-Forwarded-For", List.of(forwarded))).withRequestContext(context);
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
