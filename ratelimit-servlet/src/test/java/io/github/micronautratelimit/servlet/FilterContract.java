package io.github.micronautratelimit.servlet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.tck.HostileHeaders;
import io.github.micronautratelimit.tck.RawClient;
import io.github.micronautratelimit.tck.VirtualClock;
import io.github.micronautratelimit.web.HeaderStyle;
import io.github.micronautratelimit.web.LegacyReset;
import io.github.micronautratelimit.web.RequestKeys;
import jakarta.servlet.Filter;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
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
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The behaviour of the filter in any container, seen from a client. */
abstract class FilterContract {

    private static final int ENOUGH_SECONDS = 20;
    private static final Policy THREE = Policy.of("three", "3/min");
    private static final Policy ONE = Policy.of("one", "1/min");

    private final VirtualClock clock = new VirtualClock(1_795_305_600_000_000L);
    private final MemoryBackend memory = new MemoryBackend(clock, 10_000);
    private final LateBackend late = new LateBackend(memory);
    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
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
    void requestsPassUpToTheLimitWithHeaders() throws Exception {
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
        assertTrue(
                header(denied, "Content-Type").startsWith("application/problem+json"), header(denied, "Content-Type"));
        assertTrue(denied.body().contains("\"violated-policies\":[\"three\"]"), denied.body());

        clock.advance(Duration.ofSeconds(20));
        assertEquals(List.of(200, 429), statuses("/a", 2));
    }

    @Test
    void filterOfTheGuideLimitsPathsAndMethods() throws Exception {
        RateLimiter limiter = RateLimiter.builder(memory).build();
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
            assertEquals(
                    200,
                    send(request("/api/orders").POST(HttpRequest.BodyPublishers.noBody()))
                            .statusCode());
        }
        assertEquals(
                429,
                send(request("/api/orders").POST(HttpRequest.BodyPublishers.noBody()))
                        .statusCode());
        assertEquals(Collections.nCopies(90, 200), statuses("/api/orders", 90));
        assertEquals(List.of(429), statuses("/api/orders", 1));
        assertEquals(List.of(200), statuses("/elsewhere", 1));
    }

    @Test
    void legacyHeadersAndStatusAreConfigurable() throws Exception {
        start(filter(memory)
                .limit("/**", ONE, "{ip}")
                .headers(HeaderStyle.LEGACY, LegacyReset.SECONDS)
                .status(503));
        assertEquals("0", header(get("/a"), "X-RateLimit-Remaining"));
        HttpResponse<String> denied = get("/a");
        assertEquals(503, denied.statusCode());
        assertEquals("60", header(denied, "X-RateLimit-Reset"));
        assertEquals("1", header(denied, "X-RateLimit-Limit"));
        assertFalse(denied.headers().firstValue("RateLimit").isPresent());
    }

    @ParameterizedTest
    @CsvSource({
        "late, error",
        "late, missing",
        "late, throw",
        "late, later",
        "late, forward",
        "late, dispatch",
        "late, ''",
        "memory, error",
        "memory, missing",
        "memory, throw",
        "memory, later",
        "memory, forward",
        "memory, dispatch",
        "memory, ''"
    })
    void outcomeDecidesWhatStaysCharged(String store, String way) throws Exception {
        Policy failures = Policy.of("failures", "3/min").withChargeOn(List.of("404", "5xx"));
        RateLimitBackend backend = store.equals("late") ? late : memory;
        Policy target = Policy.of("target", "3/min").withChargeOn(List.of("404", "5xx"));
        start(filter(backend).limit("/a", failures, "{global}").limit("/target", target, "{global}"));
        boolean charged = List.of("error", "missing", "throw").contains(way);
        for (int i = 0; i < 3; i++) {
            assertNotEquals(429, get("/a?way=" + way).statusCode());
        }
        awaitRemaining(failures, charged ? 0 : 3);
        awaitRemaining(target, 3);
        assertEquals(charged ? 429 : 200, get("/a?way=" + way).statusCode());
    }

    @Test
    void exceptionDecidesWhatStaysCharged() throws Exception {
        Policy others = Policy.of("others", "3/min").withRefundOn(List.of("java.lang.IllegalStateException"));
        start(filter(memory).limit("/**", others, "{ip}"));
        for (int i = 0; i < 5; i++) {
            assertEquals(500, get("/a?way=throw").statusCode());
        }
        assertEquals(List.of(200, 200, 200, 429), statuses("/a", 4));
    }

    @ParameterizedTest
    @ValueSource(strings = {"error", "missing", "throw", "later"})
    void errorsAndLateResponsesHaveHeadersAndCountOnce(String way) throws Exception {
        start(filter(late).limit("/**", THREE, "{ip}"));
        HttpResponse<String> first = get("/a?way=" + way);
        assertEquals(way.equals("later") ? 200 : way.equals("missing") ? 404 : 500, first.statusCode());
        assertEquals("\"three\";r=2;t=20", header(first, "RateLimit"));
        assertEquals("\"three\";r=1;t=20", header(get("/a?way=" + way), "RateLimit"));
    }

    @Test
    void headRequestCountsAndHasHeaders() throws Exception {
        start(filter(memory).limit("/**", List.of("GET"), THREE, "{ip}", "1"));
        HttpResponse<String> head = send(request("/a").method("HEAD", HttpRequest.BodyPublishers.noBody()));
        assertEquals("\"three\";r=2;t=20", header(head, "RateLimit"));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void requestContinuesOnAThreadOfTheContainerAfterALateDecision(boolean async) throws Exception {
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
    void overridesApplyToTheirKeys() throws Exception {
        start(filter(memory)
                .limit("/**", Policy.of("tenant", "1/min"), "{header:X-Tenant}")
                .silence("RL005")
                .override("tenant", "Big Shop", "3/min")
                .override("tenant", "192.0.2.1", "2/min; 5/day"));
        assertEquals(List.of(200, 429), as("small shop", "", 2));
        assertEquals(List.of(200, 200, 200, 429), as("Big Shop", "", 4));
        assertEquals(List.of(200, 200, 429), as("192.0.2.1", "", 3));
        assertEquals(
                "\"tenant\";q=3;w=60", header(send(request("/a").header("X-Tenant", "Big Shop")), "RateLimit-Policy"));
    }

    @Test
    void resolverChoosesLimitsAndMayFail() throws Exception {
        start(filter(memory)
                .limit("/**", Policy.of("tenant", "1/min"), "{header:X-Tenant}")
                .silence("RL005")
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
            statuses.add(send(request("/a").header("X-Tenant", tenant).header("X-Plan", plan))
                    .statusCode());
        }
        return statuses;
    }

    @Test
    void overrideOfAnUnknownPolicyIsRejected() {
        IllegalArgumentException rejected = assertThrows(IllegalArgumentException.class, () -> filter(memory)
                .limit("/**", ONE, "{ip}")
                .override("two", "a", "2/min")
                .build());
        assertEquals(
                "override(\"two\", ...) has a policy that limits no path; use the name of a policy of limit(...).",
                rejected.getMessage());
    }

    @Test
    void noContainerThreadWaitsForTheStore() throws Exception {
        late.mayAnswer = new CompletableFuture<>();
        start(filter(late).limit("/**", Policy.of("many", "1000/min"), "{ip}").exclude("/free"));
        List<CompletableFuture<HttpResponse<String>>> waiting = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            waiting.add(client.sendAsync(request("/a").build(), HttpResponse.BodyHandlers.ofString()));
        }
        assertEquals(200, get("/free").statusCode(), "300 requests wait, which is more than the container has threads");
        late.mayAnswer.complete(null);
        for (CompletableFuture<HttpResponse<String>> each : waiting) {
            assertEquals(200, each.get(ENOUGH_SECONDS, TimeUnit.SECONDS).statusCode());
        }
    }

    /** More requests wait than the container has threads, and longer than they would take if they were not limited. */
    @Test
    void requestsWaitInTurnWithoutAThreadOfTheContainer() throws Exception {
        try (MemoryBackend store = new MemoryBackend(MicroClock.system(), 1_000)) {
            start(filter(store)
                    .limit("/turn", Policy.of("turn", "100/s burst 1").withMaxWait(Duration.ofSeconds(15)), "{ip}"));
            long begun = System.nanoTime();
            List<CompletableFuture<HttpResponse<String>>> waiting = new ArrayList<>();
            for (int i = 0; i < 301; i++) {
                waiting.add(client.sendAsync(request("/turn").build(), HttpResponse.BodyHandlers.ofString()));
            }
            assertEquals(200, get("/free").statusCode(), "300 requests wait");
            for (CompletableFuture<HttpResponse<String>> each : waiting) {
                assertEquals(200, each.get(ENOUGH_SECONDS, TimeUnit.SECONDS).statusCode());
            }
            assertTrue(System.nanoTime() - begun >= Duration.ofSeconds(3).toNanos(), "300 permits at 100 per second");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void requestWaitsForASlotButNotLongerThanThePolicyAllows(boolean async) throws Exception {
        try (MemoryBackend store = new MemoryBackend(MicroClock.system(), 1_000)) {
            Policy slot = Policy.of("slot", "1 concurrent").withMaxWait(Duration.ofSeconds(ENOUGH_SECONDS));
            Policy rare = Policy.of("rare", "1/h").withMaxWait(Duration.ofSeconds(5));
            start(filter(store).limit("/slot", slot, "{global}").limit("/rare", rare, "{global}"), async);
            assertEquals(List.of(200, 429), statuses("/rare", 2));

            EchoServlet.leave = new CompletableFuture<>();
            int before = EchoServlet.INSIDE.get();
            CompletableFuture<HttpResponse<String>> first =
                    client.sendAsync(request("/slot?way=hold").build(), HttpResponse.BodyHandlers.ofString());
            long end = System.nanoTime() + Duration.ofSeconds(ENOUGH_SECONDS).toNanos();
            while (EchoServlet.INSIDE.get() == before) {
                assertTrue(System.nanoTime() - end < 0, "The request did not reach the servlet.");
            }
            CompletableFuture<HttpResponse<String>> second =
                    client.sendAsync(request("/slot").build(), HttpResponse.BodyHandlers.ofString());
            assertEquals(200, get("/free").statusCode());
            assertFalse(second.isDone());
            EchoServlet.leave.complete(null);
            assertEquals("held", first.get(ENOUGH_SECONDS, TimeUnit.SECONDS).body());
            assertEquals(200, second.get(ENOUGH_SECONDS, TimeUnit.SECONDS).statusCode());
        }
    }

    @Test
    void bodyIsNeitherReadNorLost() throws Exception {
        start(filter(late).limit("/**", ONE, "{ip}"));
        HttpRequest.Builder post =
                request("/a?way=body").POST(HttpRequest.BodyPublishers.ofString("x".repeat(200_000)));
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
    void keysComeFromHeadersCookiesTokensAndTheApplication() throws Exception {
        start(filter(memory)
                .limit("/token", ONE, "{bearer-token}")
                .limit("/cookie", ONE, "{cookie:who}")
                .limit("/api-key", ONE, "{api-key}") // shares no counter with the others, though the policy is the same
                .limit("/own", ONE, "{bean:plan}")
                .limit("/all", ONE, "{global}")
                .key("plan", request -> request.getHeader("X-Plan")));
        for (List<String> way : List.of(
                List.of("/token", "Authorization", "Bearer "),
                List.of("/cookie", "Cookie", "who="),
                List.of("/api-key", "X-API-Key", ""),
                List.of("/own", "X-Plan", ""))) {
            assertEquals(List.of(200, 429), statuses(way.get(0), 2, way.get(1), way.get(2) + "a"));
            assertEquals(List.of(200, 429), statuses(way.get(0), 2, way.get(1), way.get(2) + "b"));
        }
        assertEquals(List.of(200, 429), statuses("/all", 2));
    }

    @Test
    void costComesFromTheQueryWithinBounds() throws Exception {
        start(filter(memory).limit("/**", List.of(), Policy.of("ten", "10/min"), "{ip}", "{query:size} 1..5"));
        assertEquals("\"ten\";r=5;t=6", header(get("/a?size=100"), "RateLimit"));
        assertEquals("\"ten\";r=3;t=6", header(get("/a?x=9&siz%65=2"), "RateLimit"));
        assertEquals("\"ten\";r=2;t=6", header(get("/a?size="), "RateLimit"));
        HttpResponse<String> denied = get("/a?size=3");
        assertEquals("6", header(denied, "Retry-After"), "the time depends on the cost");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "size=%2B5",
                "size=%D9%A5",
                "size=%EF%BC%95",
                "size=0.5e1",
                "size=1&size=5",
                "size=&size=5",
                "size=5,1",
                "size=Infinity",
                "size=x",
                "size=%25zz",
                "size=5%00"
            })
    void costIsWhatTheServletMayRead(String query) throws Exception {
        start(filter(memory).limit("/**", List.of(), Policy.of("ten", "10/min"), "{ip}", "{query:size} 1..5"));
        String target = Container.CONTEXT + "/a?" + query;
        int status = RawClient.status(container.port(), target);
        if (status == 200) {
            assertEquals(200, RawClient.status(container.port(), target));
            assertEquals(429, RawClient.status(container.port(), target), query);
        } else {
            assertEquals(400, status, query);
        }
    }

    @Test
    void bodyOfUnknownSizeCostsTheUpperBoundInAnyVersion() throws Exception {
        Policy policy = Policy.of("kilobytes", "10000/min");
        start(filter(memory)
                .limit("/**", List.of(), policy, "{ip}", "{body-size} / 1024 1..1000")
                .headers(HeaderStyle.LEGACY, LegacyReset.SECONDS));
        HttpClient http2 =
                HttpClient.newBuilder().version(HttpClient.Version.HTTP_2).build();
        assertEquals(9_999, remaining(client, request("/a")));
        assertEquals(9_998, remaining(http2, request("/a")), "an upgrade without a body");
        assertEquals(9_997, remaining(http2, request("/a")), "no body in HTTP/2");
        byte[] body = new byte[4_096];
        for (HttpClient each : List.of(client, http2)) {
            long before = remaining(each, request("/a"));
            HttpRequest.Builder told = request("/a?way=body").POST(HttpRequest.BodyPublishers.ofByteArray(body));
            assertEquals(before - 4, remaining(each, told));
            HttpRequest.Builder untold = request("/a?way=body")
                    .POST(HttpRequest.BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body)));
            assertEquals(before - 1_004, remaining(each, untold));
            HttpRequest.Builder compressed = request("/a", "Content-Encoding", "gzip")
                    .POST(HttpRequest.BodyPublishers.ofByteArray(new byte[31]));
            assertEquals(before - 2_004, remaining(each, compressed));
        }
        assertEquals(
                HttpClient.Version.HTTP_2,
                http2.send(request("/a").build(), HttpResponse.BodyHandlers.ofString())
                        .version());
    }

    private static long remaining(HttpClient each, HttpRequest.Builder request) throws Exception {
        return Long.parseLong(
                header(each.send(request.build(), HttpResponse.BodyHandlers.ofString()), "X-RateLimit-Remaining"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"{ip}", "{principal-or-ip}", "{cookie:who}"})
    void clientCannotUseUpThePermitsOfAnotherKey(String key) throws Exception {
        Policy shared = Policy.of("shared", "2/min");
        start(filter(memory).limit("/tenant", shared, "{header:X-Tenant}").limit("/own", shared, key));
        assertEquals(List.of(200, 200, 429), statuses("/tenant", 3, "X-Tenant", "127.0.0.1"));
        assertEquals(List.of(200, 200, 429), statuses("/tenant", 3, "X-Tenant", "@127.0.0.1"));
        assertEquals(List.of(200, 200, 429), statuses("/tenant", 3, "X-Tenant", "{ip}127.0.0.1"));
        assertEquals(List.of(200, 200, 429), statuses("/own", 3), "these are the client's own");
    }

    @ParameterizedTest
    @ValueSource(strings = {"forward", "dispatch", "forward-twice"})
    void pathToWhichARequestIsForwardedIsLimited(String way) throws Exception {
        start(filter(way.equals("forward") ? memory : late)
                .limit("/target/**", Policy.of("target", "2/min"), "{ip}")
                .limit("/**", Policy.of("all", "5/min"), "{ip}"));
        assertEquals(List.of(200, 200, 429, 429), statuses("/start?way=" + way, 4));
        HttpResponse<String> denied = get("/start?way=" + way);
        assertEquals("\"target\";r=0;t=30", header(denied, "RateLimit"));
        assertTrue(denied.body().contains("\"violated-policies\":[\"target\"]"), denied.body());
        assertEquals(List.of(429), statuses("/target", 1));
        assertEquals(List.of(200, 200, 200, 429), statuses("/elsewhere", 4), "a denied request costs nothing");
    }

    @ParameterizedTest
    @ValueSource(strings = {"include", "error", "missing", "throw"})
    void includedPathAndErrorPageDoNotCount(String way) throws Exception {
        start(filter(memory).limit("/**", THREE, "{ip}").limit("/target", ONE, "{ip}"));
        for (int i = 0; i < 3; i++) {
            assertNotEquals(429, get("/a?way=" + way).statusCode());
        }
        assertEquals(429, get("/a?way=" + way).statusCode());
    }

    @Test
    void preflightCountsOnlyUnderALimitOfItsMethod() throws Exception {
        start(filter(memory)
                .limit("/**", ONE, "{ip}")
                .limit("/options", List.of("options"), Policy.of("options", "2/min"), "{ip}", "1"));
        for (int i = 0; i < 3; i++) {
            assertEquals(200, preflight("/a").statusCode());
        }
        assertEquals(List.of(200, 429), statuses("/a", 2));
        assertEquals(200, preflight("/options").statusCode());
        assertEquals(200, preflight("/options").statusCode());
        assertEquals(429, preflight("/options").statusCode());
        assertEquals(
                429,
                send(request("/a").method("OPTIONS", HttpRequest.BodyPublishers.noBody()))
                        .statusCode(),
                "not a preflight");
    }

    private HttpResponse<String> preflight(String path) throws Exception {
        return send(request(path, "Origin", "https://shop.example", "Access-Control-Request-Method", "POST")
                .method("OPTIONS", HttpRequest.BodyPublishers.noBody()));
    }

    @Test
    void severalLinesOfAcceptAreOneList() throws Exception {
        start(filter(memory).limit("/**", ONE, "{ip}"));
        assertEquals(200, get("/a").statusCode());
        HttpResponse<String> denied = get("/a", "Accept", "application/problem+json;Q=0", "Accept", "text/plain;q=0.9");
        assertTrue(header(denied, "Content-Type").startsWith("text/plain"), header(denied, "Content-Type"));
    }

    @Test
    void ipv6PeerIsGroupedAndMayBeATrustedProxy() throws Exception {
        assumeTrue(hasIpv6(), "this machine has no IPv6 loopback");
        container.start(
                filter(memory).limit("/**", ONE, "{ip}").ipv6Prefix(48).build(), new EchoServlet(), true, "::1");
        assertEquals(200, RawClient.status("::1", container.port(), Container.CONTEXT + "/a"));
        assertEquals(429, RawClient.status("::1", container.port(), Container.CONTEXT + "/a"));
        RateLimiter limiter = RateLimiter.builder(memory).build();
        assertEquals(0, limiter.peek(ONE, "{ip}::/48", 1).remaining(), "the key of a group");
    }

    @Test
    void ipv6PeerMayBeATrustedProxy() throws Exception {
        assumeTrue(hasIpv6(), "this machine has no IPv6 loopback");
        RateLimitFilter filter =
                filter(memory).limit("/**", ONE, "{ip}").trustedProxies("::1").build();
        container.start(filter, new EchoServlet(), true, "::1");
        for (String client : List.of("203.0.113.1", "203.0.113.2", "2001:db8:1::1")) {
            String line = "X-Forwarded-For: " + client;
            assertEquals(200, RawClient.status("::1", container.port(), Container.CONTEXT + "/a", line));
            assertEquals(429, RawClient.status("::1", container.port(), Container.CONTEXT + "/a", line));
        }
    }

    private static boolean hasIpv6() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName("::1"))) {
            return socket.isBound();
        } catch (IOException e) {
            return false;
        }
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = {"", "/run/app.sock", "localhost"})
    void connectionWithoutAnAddressIsLimited(@Nullable String peer) throws Exception {
        Filter limiting = filter(memory).limit("/**", ONE, "{ip}").build();
        container.start(withPeer(peer, limiting), new EchoServlet(), true);
        assertEquals(List.of(200, 429), statuses("/a", 2));
        assertEquals(List.of(429), statuses("/a", 1, "X-Forwarded-For", "203.0.113.1"));
    }

    @Test
    void headerCountsBehindACountedProxyWithoutAnAddress() throws Exception {
        Filter limiting =
                filter(memory).limit("/**", ONE, "{ip}").trustedProxies(1).build();
        container.start(withPeer(null, limiting), new EchoServlet(), true);
        assertEquals(List.of(200, 429), statuses("/a", 2, "X-Forwarded-For", "203.0.113.1"));
        assertEquals(List.of(200, 429), statuses("/a", 2, "X-Forwarded-For", "6.6.6.6, 203.0.113.2"));
    }

    /** Replaces the address of the connection, as a container does that listens on a UNIX socket. */
    private static Filter withPeer(@Nullable String peer, Filter next) {
        return (request, response, chain) -> next.doFilter(
                new HttpServletRequestWrapper((HttpServletRequest) request) {
                    @Override
                    public @Nullable String getRemoteAddr() {
                        return peer;
                    }
                },
                response,
                chain);
    }

    @Test
    void clientBehindATrustedProxyCounts() throws Exception {
        start(filter(memory).limit("/**", ONE, "{ip}").trustedProxies("127.0.0.0/8", "::1"));
        assertEquals(List.of(200, 429), statuses("/a", 2, "X-Forwarded-For", "6.6.6.6, 203.0.113.1"));
        assertEquals(List.of(429), statuses("/a", 1, "X-Forwarded-For", "7.7.7.7, 203.0.113.1"));
        assertEquals(List.of(200, 429), statuses("/a", 2, "Forwarded", "for=203.0.113.2;proto=http"));
    }

    @Test
    void untrustedClientCannotChangeItsKeyOrCauseAnError() throws Exception {
        start(filter(memory).limit("/**", ONE, "{ip}").silence("RL001"));
        assertEquals(200, get("/a").statusCode());
        int sent = 0;
        for (String value : HostileHeaders.values()) {
            String line = value.replace('\0', ' ').replace('\u0001', ' ').replace('\u007f', ' ');
            if (line.length() < 4_000) {
                assertEquals(
                        429,
                        RawClient.status(
                                container.port(),
                                Container.CONTEXT + "/a",
                                "X-Forwarded-For: " + line,
                                "Forwarded: " + line),
                        line);
                sent++;
            }
        }
        assertTrue(sent >= 200, sent + " values");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/api/orders",
                "/API/orders",
                "//api//orders",
                "/api/./orders",
                "/x/../api/orders",
                "/api/orders/",
                "/%61pi/orders",
                "/api;v=1/orders;w=2",
                "/api%2forders",
                "/x/..;/api/orders",
                "/x/%2e%2e/api/orders",
                "/api%5corders",
                "/%2561pi/orders"
            })
    void limitAppliesInAnyNotationOfThePath(String path) throws Exception {
        start(filter(memory).limit("/api/**", ONE, "{ip}"));
        assertEquals(200, get("/api").statusCode());
        int status = RawClient.status(container.port(), Container.CONTEXT + path);
        assertTrue(status == 429 || status == 400, path + " gave " + status);
    }

    /** A container either does not start or does not serve the application. */
    @ParameterizedTest
    @ValueSource(strings = {"/app/api/**", "/App/api", "/app"})
    void pathThatStartsWithContextPathFailsStart(String path) {
        boolean served;
        try {
            start(filter(memory).limit(path, ONE, "{ip}"));
            served = get("/api/orders").statusCode() == 200;
        } catch (Exception e) {
            served = false;
        }
        assertFalse(served);
    }

    @Test
    void exclusionCannotBypassTheLimit() throws Exception {
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
    void requestHoldsItsSlotUntilItIsProcessed(String way) throws Exception {
        Policy policy = Policy.of("one-at-a-time", "1000/min; 1 concurrent");
        start(filter(way.isEmpty() ? memory : late).limit("/**", policy, "{global}"));
        for (int i = 0; i < 3; i++) {
            HttpResponse<String> answer = get("/a?way=" + way);
            assertNotEquals(429, answer.statusCode());
            assertEquals(
                    "\"one-at-a-time\";q=1000;w=60, \"one-at-a-time\";q=1;qu=\"concurrent-requests\"",
                    header(answer, "RateLimit-Policy"));
            awaitFreeSlot(policy);
        }
        EchoServlet.leave = new CompletableFuture<>();
        int before = EchoServlet.INSIDE.get();
        CompletableFuture<HttpResponse<String>> held =
                client.sendAsync(request("/a?way=hold").build(), HttpResponse.BodyHandlers.ofString());
        long end = System.nanoTime() + Duration.ofSeconds(ENOUGH_SECONDS).toNanos();
        while (EchoServlet.INSIDE.get() == before) {
            assertTrue(System.nanoTime() - end < 0, "The request did not reach the servlet.");
        }
        assertEquals(429, get("/a").statusCode());
        EchoServlet.leave.complete(null);
        assertEquals("held", held.get(ENOUGH_SECONDS, TimeUnit.SECONDS).body());
        awaitFreeSlot(policy);
    }

    /** The container does not notice that the client of an asynchronous request without a timeout has gone. */
    @Test
    void asynchronousRequestWithoutTimeoutHoldsItsSlotForAsLongAsThePolicyAllows() throws Exception {
        Policy policy = Policy.of("one-at-a-time", "1 concurrent");
        Policy brief = Policy.of("brief", "1 concurrent").withHoldAtMost(Duration.ofSeconds(1));
        start(filter(memory).limit("/a", policy, "{global}").limit("/brief", brief, "{global}"));
        for (String path : List.of("/a", "/brief")) {
            int before = EchoServlet.INSIDE.get();
            CompletableFuture<HttpResponse<String>> gone =
                    client.sendAsync(request(path + "?way=never").build(), HttpResponse.BodyHandlers.ofString());
            long end = System.nanoTime() + Duration.ofSeconds(ENOUGH_SECONDS).toNanos();
            while (EchoServlet.INSIDE.get() == before) {
                assertTrue(System.nanoTime() - end < 0, "The request did not reach the servlet.");
            }
            gone.cancel(true);
        }
        awaitFreeSlot(brief);
        assertEquals(200, get("/brief").statusCode());
        assertEquals(429, get("/a").statusCode(), "the other slot is held");
    }

    /** The container may complete an asynchronous request after the client has its response. */
    private void awaitRemaining(Policy policy, long permits) {
        long end = System.nanoTime() + Duration.ofSeconds(ENOUGH_SECONDS).toNanos();
        RateLimiter limiter = RateLimiter.builder(memory).build();
        while (limiter.peek(policy, RequestKeys.GLOBAL, 0).remaining() != permits) {
            assertTrue(System.nanoTime() - end < 0, () -> "The policy " + policy + " does not have " + permits);
        }
    }

    private void awaitFreeSlot(Policy policy) {
        long end = System.nanoTime() + Duration.ofSeconds(ENOUGH_SECONDS).toNanos();
        RateLimiter limiter = RateLimiter.builder(memory).build();
        while (limiter.peek(policy.concurrencyOnly(), RequestKeys.GLOBAL, 0).remaining() == 0) {
            assertTrue(System.nanoTime() - end < 0, "The slot is still held.");
        }
    }

    @Test
    void requestsPassIfTheLimiterFails() throws Exception {
        late.fails = true;
        start(filter(late).limit("/**", ONE, "{ip}"));
        assertEquals(List.of(200, 200), statuses("/a", 2));
    }

    @Test
    void onErrorDecidesIfTheStoreOfABuiltLimiterFails() throws Exception {
        late.fails = true;
        try (RateLimiter limiter =
                RateLimiter.builder(late).name("late").clock(clock).build()) {
            start(RateLimitFilter.of(limiter).limit("/**", ONE, "{ip}"));
            assertEquals(List.of(200, 429, 429), statuses("/a", 3));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {503, 429})
    void closedPolicyTellsThatTheStoreIsUnavailable(int status) throws Exception {
        late.fails = true;
        try (RateLimiter limiter =
                RateLimiter.builder(late).name("late").clock(clock).build()) {
            RateLimitFilterBuilder filter =
                    RateLimitFilter.of(limiter).limit("/**", ONE.withOnError(OnError.CLOSED), "{ip}");
            start(status == 503 ? filter : filter.unavailableStatus(status));
            HttpResponse<String> denied = get("/a");
            assertEquals(status, denied.statusCode());
            assertEquals("1", header(denied, "Retry-After"));
            assertEquals("\"one\";q=1;w=60", header(denied, "RateLimit-Policy"));
            assertFalse(denied.headers().firstValue("RateLimit").isPresent());
            assertTrue(denied.body().contains("#temporary-reduced-capacity"), denied.body());
        }
    }

    @Test
    void limitThatWasNotEvaluatedHasNoValuesInHeaders() throws Exception {
        start(filter(late).limit("/**", ONE, "{ip}").limit("/**", THREE, "{ip}"));
        assertEquals("\"one\";r=0;t=60, \"three\";r=2;t=20", header(get("/a"), "RateLimit"));
        HttpResponse<String> denied = get("/a");
        assertEquals(429, denied.statusCode());
        assertEquals("\"one\";r=0;t=60", header(denied, "RateLimit"));
        assertEquals("\"one\";q=1;w=60, \"three\";q=3;w=60", header(denied, "RateLimit-Policy"));
        assertTrue(denied.body().contains("\"violated-policies\":[\"one\"]"), denied.body());
    }

    private static RateLimitFilterBuilder filter(RateLimitBackend backend) {
        return RateLimitFilter.of(RateLimiter.builder(backend).unguarded().build());
    }

    private void start(RateLimitFilterBuilder filter) throws Exception {
        start(filter, true);
    }

    private void start(RateLimitFilterBuilder filter, boolean async) throws Exception {
        container.start(filter.build(), new EchoServlet(), async);
    }

    private HttpRequest.Builder request(String path, String... headers) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(
                        "http://127.0.0.1:" + container.port() + Container.CONTEXT + path.replace("%zz", "%25zz")))
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
