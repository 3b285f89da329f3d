package io.github.micronautratelimit.servlet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.tck.HostileHeaders;
import io.github.micronautratelimit.tck.RawClient;
import io.github.micronautratelimit.tck.VirtualClock;
import io.github.micronautratelimit.web.HeaderStyle;
import io.github.micronautratelimit.web.LegacyReset;
import io.github.micronautratelimit.web.RequestKeys;

/** What the filter does in any container, seen from a client. */
abstract class FilterContract {

    private static final int ENOUGH_SECONDS = 20;
    private static final Policy THREE = Policy.of("three", "3/min");
    private static final Policy ONE = Policy.of("one", "1/min");

    private final VirtualClock clock = new VirtualClock(1_795_305_600_000_000L);
    private final MemoryBackend memory = new MemoryBackend(clock, 10_000);
    private final LateBackend late = new LateBackend(memory);
    private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final Container container = container();

    abstract Container container();

    @AfterEach
    void stop() throws Exception {
        late.mayAnswer.complete(null);
        container.stop();
        late.close();
        memory.close();
    }

    @Test
    void requestsPassUntilTheLimitAndClientsAreToldHowTheyStand() throws Exception {
        start(filter(memory).limit("/**", THREE, "{ip}"));
        HttpResponse<String> first = get("/a");
        assertEquals(200, first.statusCode());
        assertEquals("\"three\";q=3;w=60", header(first, "RateLimit-Policy"));
        assertEquals("\"three\";r=2;t=20", header(first, "RateLimit"));
        assertEquals(List.of(200, 200), statuses("/a", 2));

        HttpResponse<String> denied = get("/a");
        assertEquals(429, denied.statusCode());
        assertEquals("20", header(denied, "Retry-After"));
        assertEquals("\"three\";r=0;t=20", header(denied, "RateLimit"));
        assertEquals("no-store", header(denied, "Cache-Control"));
        assertTrue(header(denied, "Content-Type").startsWith("application/problem+json"), header(denied, "Content-Type"));
        assertTrue(denied.body().contains("\"violated-policies\":[\"three\"]"), denied.body());

        clock.advance(Duration.ofSeconds(20));
        assertEquals(List.of(200, 429), statuses("/a", 2));
    }

    @Test
    void theFilterOfTheGuideLimitsPathsAndMethods() throws Exception {
        RateLimiter limiter = new RateLimiter(memory, List.of());
        // tag::filter[]
        RateLimitFilter filter = RateLimitFilter.of(limiter)
                .limit("/api/**", Policy.of("api", "100/min"), "{ip}")
                .limit("/api/orders", List.of("POST"), Policy.of("orders", "10/min"), "{principal-or-ip}", "1")
                .override("api", "192.0.2.7", "1000/min")
                .trustedProxies("10.0.0.0/8")
                .build();
        // end::filter[]
        container.start(filter, new EchoServlet(), true);
        for (int i = 0; i < 10; i++) {
            assertEquals(200, send(request("/api/orders").POST(HttpRequest.BodyPublishers.noBody())).statusCode());
        }
        assertEquals(429, send(request("/api/orders").POST(HttpRequest.BodyPublishers.noBody())).statusCode());
        assertEquals(Collections.nCopies(90, 200), statuses("/api/orders", 90));
        assertEquals(List.of(429), statuses("/api/orders", 1));
        assertEquals(List.of(200), statuses("/elsewhere", 1));
    }

    @Test
    void legacyHeadersAndAnotherStatusMayBeChosen() throws Exception {
        start(filter(memory).limit("/**", ONE, "{ip}").headers(HeaderStyle.LEGACY, LegacyReset.SECONDS).status(503));
        assertEquals("0", header(get("/a"), "X-RateLimit-Remaining"));
        HttpResponse<String> denied = get("/a");
        assertEquals(503, denied.statusCode());
        assertEquals("60", header(denied, "X-RateLimit-Reset"));
        assertEquals("1", header(denied, "X-RateLimit-Limit"));
        assertFalse(denied.headers().firstValue("RateLimit").isPresent());
    }

    @ParameterizedTest
    @ValueSource(strings = {"error", "missing", "throw", "later"})
    void theHeadersAreOnErrorsAndOnLateAnswersAndEachIsCountedOnce(String way) throws Exception {
        start(filter(late).limit("/**", THREE, "{ip}"));
        HttpResponse<String> first = get("/a?way=" + way);
        assertEquals(way.equals("later") ? 200 : way.equals("missing") ? 404 : 500, first.statusCode());
        assertEquals("\"three\";r=2;t=20", header(first, "RateLimit"));
        assertEquals("\"three\";r=1;t=40", header(get("/a?way=" + way), "RateLimit"));
    }

    @Test
    void aHeadRequestCountsAndIsTold() throws Exception {
        start(filter(memory).limit("/**", List.of("GET"), THREE, "{ip}", "1"));
        HttpResponse<String> head = send(request("/a").method("HEAD", HttpRequest.BodyPublishers.noBody()));
        assertEquals("\"three\";r=2;t=20", header(head, "RateLimit"));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aStoreThatAnswersLaterDecidesOnceAndTheRequestGoesOnOnAThreadOfTheContainer(boolean async) throws Exception {
        start(filter(late).limit("/**", THREE, "{ip}"), async);
        assertEquals(List.of(200, 200), statuses("/a", 2));
        HttpResponse<String> third = get("/a");
        assertEquals(200, third.statusCode());
        assertNotEquals("store-client", third.body());
        assertEquals("\"three\";r=0;t=20", header(third, "RateLimit"));
        HttpResponse<String> denied = get("/a");
        assertEquals(429, denied.statusCode());
        assertEquals("20", header(denied, "Retry-After"));
        assertTrue(denied.body().contains("Try again in 20 seconds"), denied.body());
    }

    @Test
    void keysMayHaveNumbersOfTheirOwn() throws Exception {
        start(filter(memory).limit("/**", Policy.of("tenant", "1/min"), "{header:X-Tenant}").silence("RL005")
                .override("tenant", "Big Shop", "3/min").override("tenant", "192.0.2.1", "2/min; 5/day"));
        assertEquals(List.of(200, 429), as("small shop", "", 2));
        assertEquals(List.of(200, 200, 200, 429), as("Big Shop", "", 4));
        assertEquals(List.of(200, 200, 429), as("192.0.2.1", "", 3));
        assertEquals("\"tenant\";q=3;w=60",
                header(send(request("/a").header("X-Tenant", "Big Shop")), "RateLimit-Policy"));
    }

    @Test
    void codeMayChooseTheNumbersByPlanAndMayFail() throws Exception {
        start(filter(memory).limit("/**", Policy.of("tenant", "1/min"), "{header:X-Tenant}").silence("RL005")
                .override("tenant", "fixed", "2/min")
                .resolver((policy, key, request) -> switch (request == null ? "" : request.getHeader("X-Plan")) {
                    case "gold" -> policy.withLimits(Limit.parseAll("3/min"));
                    case "throw" -> throw new IllegalStateException("no plan");
                    default -> policy;
                }));
        assertEquals(List.of(200, 200, 200, 429), as("a", "gold", 4));
        assertEquals(List.of(200, 429), as("b", "silver", 2));
        assertEquals(List.of(200, 429), as("c", "throw", 2));
        assertEquals(List.of(200, 200, 429), as("fixed", "gold", 3));
    }

    private List<Integer> as(String tenant, String plan, int times) throws Exception {
        List<Integer> statuses = new ArrayList<>();
        for (int i = 0; i < times; i++) {
            statuses.add(send(request("/a").header("X-Tenant", tenant).header("X-Plan", plan)).statusCode());
        }
        return statuses;
    }

    @Test
    void numbersForAPolicyThatLimitsNothingAreRefused() {
        IllegalArgumentException wrong = assertThrows(IllegalArgumentException.class,
                () -> filter(memory).limit("/**", ONE, "{ip}").override("two", "a", "2/min").build());
        assertEquals("override(\"two\", ...) names a policy that limits no path; give it to limit(...), or name one that is.",
                wrong.getMessage());
    }

    @Test
    void noThreadOfTheContainerWaitsForTheStore() throws Exception {
        late.mayAnswer = new CompletableFuture<>();
        start(filter(late).limit("/**", Policy.of("many", "1000/min"), "{ip}").exclude("/free"));
        List<CompletableFuture<HttpResponse<String>>> waiting = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            waiting.add(client.sendAsync(request("/a").build(), HttpResponse.BodyHandlers.ofString()));
        }
        assertEquals(200, get("/free").statusCode(), "300 requests wait, more than there are threads");
        late.mayAnswer.complete(null);
        for (CompletableFuture<HttpResponse<String>> each : waiting) {
            assertEquals(200, each.get(ENOUGH_SECONDS, TimeUnit.SECONDS).statusCode());
        }
    }

    @Test
    void aBodyIsNeitherReadNorLost() throws Exception {
        start(filter(late).limit("/**", ONE, "{ip}"));
        HttpRequest.Builder post = request("/a?way=body").POST(HttpRequest.BodyPublishers.ofString("x".repeat(200_000)));
        assertEquals("200000", send(post).body());
        assertEquals(429, send(post).statusCode());
    }

    @Test
    void severalLimitsAreAllOrNothing() throws Exception {
        start(filter(memory).limit("/**", THREE, "{ip}").limit("/**", ONE, "{header:X-Tenant}"));
        assertEquals(List.of(200, 429, 429), statuses("/a", 3, "X-Tenant", "a"));
        assertEquals(List.of(200), statuses("/a", 1, "X-Tenant", "b"));
        assertEquals(List.of(200, 429), statuses("/a", 2, "X-Tenant", "c"));
        assertEquals(List.of(429), statuses("/a", 1, "X-Tenant", "d"));
    }

    @Test
    void keysAreFoundInHeadersCookiesTokensAndByTheApplication() throws Exception {
        start(filter(memory).limit("/token", ONE, "{bearer-token}").limit("/cookie", ONE, "{cookie:who}")
                .limit("/api-key", ONE, "{api-key}").limit("/own", ONE, "{bean:plan}").limit("/all", ONE, "{global}")
                .key("plan", request -> request.getHeader("X-Plan")));
        for (List<String> way : List.of(List.of("/token", "Authorization", "Bearer "), List.of("/cookie", "Cookie", "who="),
                List.of("/api-key", "X-API-Key", ""), List.of("/own", "X-Plan", ""))) {
            memory.reset(ONE, "a");
            memory.reset(ONE, "b");
            assertEquals(List.of(200, 429), statuses(way.get(0), 2, way.get(1), way.get(2) + "a"));
            assertEquals(List.of(200, 429), statuses(way.get(0), 2, way.get(1), way.get(2) + "b"));
        }
        assertEquals(List.of(200, 429), statuses("/all", 2));
    }

    @Test
    void aCostIsGivenByTheQueryWithinBounds() throws Exception {
        start(filter(memory).limit("/**", List.of(), Policy.of("ten", "10/min"), "{ip}", "{query:size} 1..5"));
        assertEquals("\"ten\";r=5;t=30", header(get("/a?size=100"), "RateLimit"));
        assertEquals("\"ten\";r=4;t=36", header(get("/a?size=%zz"), "RateLimit"));
        assertEquals("\"ten\";r=1;t=54", header(get("/a?x=9&siz%65=3"), "RateLimit"));
        HttpResponse<String> denied = get("/a?size=2");
        assertEquals("6", header(denied, "Retry-After"), "for this request's cost");
    }

    @Test
    void behindATrustedProxyTheClientCounts() throws Exception {
        start(filter(memory).limit("/**", ONE, "{ip}").trustedProxies("127.0.0.0/8", "::1"));
        assertEquals(List.of(200, 429), statuses("/a", 2, "X-Forwarded-For", "6.6.6.6, 203.0.113.1"));
        assertEquals(List.of(429), statuses("/a", 1, "X-Forwarded-For", "7.7.7.7, 203.0.113.1"));
        assertEquals(List.of(200, 429), statuses("/a", 2, "Forwarded", "for=203.0.113.2;proto=http"));
    }

    @Test
    void nothingAnUntrustedClientWritesGivesItAnotherKeyOrFailsTheRequest() throws Exception {
        start(filter(memory).limit("/**", ONE, "{ip}").silence("RL001"));
        assertEquals(200, get("/a").statusCode());
        int asked = 0;
        for (String value : HostileHeaders.values()) {
            String line = value.replace('\0', ' ').replace('\u0001', ' ').replace('\u007f', ' ');
            if (line.length() < 4_000) {
                assertEquals(429, RawClient.status(container.port(), Container.CONTEXT + "/a", "X-Forwarded-For: " + line,
                        "Forwarded: " + line), line);
                asked++;
            }
        }
        assertTrue(asked >= 200, asked + " values");
    }

    @ParameterizedTest
    @ValueSource(strings = {"/api/orders", "/API/orders", "//api//orders", "/api/./orders", "/x/../api/orders",
        "/api/orders/", "/%61pi/orders", "/api;v=1/orders;w=2", "/api%2forders", "/x/..;/api/orders", "/x/%2e%2e/api/orders",
        "/api%5corders", "/%2561pi/orders"})
    void aPathCannotBeWrittenSoThatNoLimitApplies(String path) throws Exception {
        start(filter(memory).limit("/api/**", ONE, "{ip}"));
        assertEquals(200, get("/api").statusCode());
        int status = RawClient.status(container.port(), Container.CONTEXT + path);
        assertTrue(status == 429 || status == 400, path + " gave " + status);
    }

    @Test
    void anExclusionIsNoWayAround() throws Exception {
        start(filter(memory).limit("/**", ONE, "{ip}").exclude("/health/**"));
        assertEquals(List.of(200, 200, 200), statuses("/health/live", 3));
        assertEquals(200, get("/api").statusCode());
        for (String path : List.of("/health/../api", "/health/..;/api", "/health/%2e%2e/api")) {
            int status = RawClient.status(container.port(), Container.CONTEXT + path);
            assertTrue(status == 429 || status == 400, path + " gave " + status);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "error", "missing", "throw", "later"})
    void aRequestHoldsItsPlaceUntilItIsProcessedHoweverItEnds(String way) throws Exception {
        Policy policy = Policy.of("one-at-a-time", "1000/min; 1 concurrent");
        start(filter(way.isEmpty() ? memory : late).limit("/**", policy, "{global}"));
        for (int i = 0; i < 3; i++) {
            HttpResponse<String> answer = get("/a?way=" + way);
            assertNotEquals(429, answer.statusCode());
            assertEquals("\"one-at-a-time\";q=1000;w=60, \"one-at-a-time\";q=1;qu=\"concurrent-requests\"",
                    header(answer, "RateLimit-Policy"));
            awaitNobody(policy);
        }
        EchoServlet.leave = new CompletableFuture<>();
        int before = EchoServlet.INSIDE.get();
        CompletableFuture<HttpResponse<String>> held =
                client.sendAsync(request("/a?way=hold").build(), HttpResponse.BodyHandlers.ofString());
        long end = System.nanoTime() + Duration.ofSeconds(ENOUGH_SECONDS).toNanos();
        while (EchoServlet.INSIDE.get() == before) {
            assertTrue(System.nanoTime() - end < 0, "It never came in.");
        }
        assertEquals(429, get("/a").statusCode());
        EchoServlet.leave.complete(null);
        assertEquals("held", held.get(ENOUGH_SECONDS, TimeUnit.SECONDS).body());
        awaitNobody(policy);
    }

    private void awaitNobody(Policy policy) throws Exception {
        long end = System.nanoTime() + Duration.ofSeconds(ENOUGH_SECONDS).toNanos();
        RateLimiter limiter = new RateLimiter(memory, List.of());
        while (limiter.peek(policy.concurrencyOnly(), RequestKeys.EVERYBODY, 0).remaining() == 0) {
            assertTrue(System.nanoTime() - end < 0, "The place is still held.");
        }
    }

    @Test
    void aLimiterThatFailsLetsRequestsPass() throws Exception {
        late.fails = true;
        start(filter(late).limit("/**", ONE, "{ip}"));
        assertEquals(List.of(200, 200), statuses("/a", 2));
    }

    private static RateLimitFilterBuilder filter(io.github.micronautratelimit.RateLimitBackend backend) {
        return RateLimitFilter.of(new RateLimiter(backend, List.of()));
    }

    private void start(RateLimitFilterBuilder filter) throws Exception {
        start(filter, true);
    }

    private void start(RateLimitFilterBuilder filter, boolean async) throws Exception {
        container.start(filter.build(), new EchoServlet(), async);
    }

    private HttpRequest.Builder request(String path, String... headers) {
        HttpRequest.Builder request = HttpRequest.newBuilder(
                URI.create("http://127.0.0.1:" + container.port() + Container.CONTEXT + path.replace("%zz", "%25zz")))
                .timeout(Duration.ofSeconds(ENOUGH_SECONDS));
        return headers.length == 0 ? request : request.headers(headers);
    }

    private HttpResponse<String> get(String path, String... headers) throws Exception {
        return send(request(path, headers));
    }

    private HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    private List<Integer> statuses(String path, int times, String... headers) throws Exception {
        List<Integer> statuses = new ArrayList<>();
        for (int i = 0; i < times; i++) {
            statuses.add(get(path, headers).statusCode());
        }
        return statuses;
    }

    private static String header(HttpResponse<?> response, String name) {
        return response.headers().firstValue(name).orElse("");
    }
}
