package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import io.github.micronautratelimit.Eventually;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.limit.ConcurrencyLimit.HoldUntil;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.micronaut.context.annotation.Property;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.PathVariable;
import io.micronaut.http.annotation.Produces;
import io.micronaut.http.sse.Event;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.ExecuteOn;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Each stream of an HTTP/2 connection holds its slot until its own end, whatever becomes of the connection. */
@MicronautTest(rebuildContext = true)
@Property(name = "spec", value = "Http2SlotsTest")
@Property(name = "micronaut.server.http-version", value = "2.0")
@Property(name = "micronaut.server.ssl.enabled", value = "false")
@Property(name = "ratelimit.default-key", value = "{global}")
@Property(name = "ratelimit.policies.two.limits", value = "2 concurrent")
@Property(name = "ratelimit.policies.two.key", value = "all")
@Property(name = "ratelimit.policies.work.limits", value = "2 concurrent")
@Property(name = "ratelimit.policies.work.key", value = "all")
@Property(name = "ratelimit.policies.work.hold-until", value = "completion")
@Property(name = "ratelimit.policies.brief.limits", value = "2 concurrent")
@Property(name = "ratelimit.policies.brief.key", value = "all")
@Property(name = "ratelimit.policies.brief.hold-at-most", value = "1s")
class Http2SlotsTest {

    @Inject
    EmbeddedServer server;

    @Inject
    RateLimiter limiter;

    @Inject
    PolicyRegistry policies;

    @Inject
    Work work;

    Http2Connection client;

    @BeforeEach
    void connect() throws IOException {
        client = Http2Connection.open(server.getPort());
    }

    @AfterEach
    void disconnect() throws IOException {
        work.end.complete("done");
        client.close();
    }

    private long free(String policy) {
        return limiter.peek(policies.get(policy), "all", 0).remaining();
    }

    private void awaitFree(long slots, String policy) throws Exception {
        Eventually.equal(slots, () -> free(policy));
    }

    private void awaitStatus(int status, int stream) throws Exception {
        Eventually.equal(status, () -> client.status(stream));
    }

    /** Returns after the server has read and answered all earlier frames. */
    private void roundTrip() throws Exception {
        int before = client.pongs();
        client.ping();
        Eventually.equal(before + 1, client::pongs);
    }

    @ParameterizedTest
    @ValueSource(strings = {"future", "sync", "mono", "never", "silent", "chunks", "events"})
    void resetStreamReleasesItsSlotAndNoOther(String route) throws Exception {
        String path = "/http2/two/" + route;
        int first = client.get(path);
        int second = client.get(path);
        awaitFree(0, "two");
        awaitStatus(429, client.get(path));
        assertEquals(0, free("two"));

        client.reset(first);
        awaitFree(1, "two");
        roundTrip();
        assertEquals(1, free("two"), "the other stream holds its slot");

        int third = client.get(path);
        awaitFree(0, "two");
        awaitStatus(429, client.get(path));
        client.reset(second);
        client.reset(third);
        awaitFree(2, "two");
    }

    @ParameterizedTest
    @ValueSource(strings = {"future", "events"})
    void connectionThatResetsStreamsAgainAndAgainShutsNobodyOut(String route) throws Exception {
        String path = "/http2/two/" + route;
        for (int i = 0; i < 20; i++) {
            int stream = client.get(path);
            awaitFree(1, "two");
            client.reset(stream);
            awaitFree(2, "two");
        }
        try (Http2Connection other = Http2Connection.open(server.getPort())) {
            int stream = other.get(path);
            awaitFree(1, "two");
            assertFalse(other.isEnded(stream));
            other.reset(stream);
            awaitFree(2, "two");
        }
    }

    @Test
    void streamThatIsResetAtOnceHoldsNoSlot() throws Exception {
        for (int i = 0; i < 50; i++) {
            client.getAndReset("/http2/two/future");
        }
        roundTrip();
        awaitFree(2, "two");
    }

    @ParameterizedTest
    @ValueSource(strings = {"future", "sync", "chunks"})
    void responseReleasesTheSlotOfItsStream(String route) throws Exception {
        int stream = client.get("/http2/two/" + route);
        awaitFree(1, "two");
        roundTrip();
        assertEquals(1, free("two"), "held while the route works");
        work.end.complete("done");
        awaitStatus(200, stream);
        awaitFree(2, "two");
    }

    @ParameterizedTest
    @ValueSource(strings = {"goaway", "close"})
    void endOfTheConnectionReleasesAllSlots(String end) throws Exception {
        client.get("/http2/two/never");
        client.get("/http2/two/silent");
        awaitFree(0, "two");
        if (end.equals("goaway")) {
            client.goAway();
        } else {
            client.close();
        }
        awaitFree(2, "two");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x-http2-stream-id: 3\r\n", "x-http2-stream-id: 2\r\n", "x-http2-stream-id: -1\r\n"})
    void requestThatChangesTheProtocolHoldsTheSlotOfStream1(String header) throws Exception {
        try (Http2Connection upgraded = Http2Connection.upgrade(server.getPort(), "/http2/two/never", header)) {
            awaitFree(1, "two");
            int third = upgraded.get("/http2/two/never");
            awaitFree(0, "two");
            upgraded.reset(third);
            awaitFree(1, "two");
            upgraded.reset(1);
            awaitFree(2, "two");
        }
    }

    // Until the work is done

    @ParameterizedTest
    @ValueSource(strings = {"future", "sync", "mono"})
    void slotIsHeldUntilTheWorkIsDone(String route) throws Exception {
        List<Integer> streams = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            streams.add(client.get("/http2/jobs/" + route));
        }
        awaitFree(0, "work");
        Eventually.equal(2, work.running::get);
        for (int stream : streams) {
            client.reset(stream);
        }
        roundTrip();
        for (int i = 0; i < 20; i++) {
            int stream = client.get("/http2/jobs/" + route);
            awaitStatus(429, stream);
        }
        assertEquals(2, work.started.get(), "no more work than slots");
        work.end.complete("done");
        awaitFree(2, "work");
        awaitStatus(200, client.get("/http2/jobs/" + route));
        awaitFree(2, "work");
    }

    @ParameterizedTest
    @ValueSource(strings = {"silent", "chunks", "events"})
    void streamOfDataIsDoneWhenItIsCancelled(String route) throws Exception {
        int stream = client.get("/http2/jobs/" + route);
        awaitFree(1, "work");
        Eventually.equal(200, () -> client.status(stream));
        assertEquals(1, free("work"));
        client.reset(stream);
        awaitFree(2, "work");
    }

    @Test
    void workOfAClientThatDisconnectsCounts() throws Exception {
        try (Socket socket = new Socket("127.0.0.1", server.getPort())) {
            socket.getOutputStream()
                    .write("GET /http2/jobs/future HTTP/1.1\r\nHost: localhost\r\n\r\n"
                            .getBytes(StandardCharsets.US_ASCII));
            awaitFree(1, "work");
        }
        int second = client.get("/http2/jobs/future");
        awaitFree(0, "work");
        awaitStatus(429, client.get("/http2/jobs/future"));
        work.end.complete("done");
        awaitStatus(200, second);
        awaitFree(2, "work");
    }

    @Test
    void annotationHoldsUntilTheWorkIsDone() throws Exception {
        int stream = client.get("/http2/annotated/future/a");
        Eventually.equal(1, work.started::get);
        client.reset(stream);
        roundTrip();
        int denied = client.get("/http2/annotated/future/a");
        awaitStatus(429, denied);
        assertNotNull(client.header(denied, "ratelimit"));
        work.end.complete("done");
        Eventually.equal(200, () -> {
            int next = client.get("/http2/annotated/future/a");
            Eventually.equal(true, () -> client.status(next) > 0);
            return client.status(next);
        });
    }

    // Not longer than allowed

    @Test
    void slotIsFreeAfterItsLongestTime() throws Exception {
        int stream = client.get("/http2/brief/never");
        awaitFree(1, "brief");
        awaitFree(2, "brief");
        assertFalse(client.isEnded(stream), "the request still runs");
    }

    /** The work of the routes. */
    @Singleton
    @Requires(property = "spec", value = "Http2SlotsTest")
    static class Work {

        final AtomicInteger started = new AtomicInteger();
        final AtomicInteger running = new AtomicInteger();
        final CompletableFuture<String> end = new CompletableFuture<>();

        CompletableFuture<String> start() {
            started.incrementAndGet();
            running.incrementAndGet();
            CompletableFuture<String> mine = end.copy();
            mine.whenComplete((done, failure) -> running.decrementAndGet());
            return mine;
        }
    }

    /** The kinds of routes, each under the policy of the sub-class. */
    abstract static class Routes {

        private final Work work;

        Routes(Work work) {
            this.work = work;
        }

        @Get("/future")
        CompletableFuture<String> future() {
            return work.start();
        }

        @Get("/sync")
        @ExecuteOn(TaskExecutors.BLOCKING)
        String sync() {
            return work.start().join();
        }

        @Get("/mono")
        Mono<String> mono() {
            return Mono.fromFuture(work::start);
        }

        @Get("/never")
        Mono<String> never() {
            return Mono.never();
        }

        @Get("/silent")
        @Produces(MediaType.TEXT_PLAIN)
        Publisher<String> silent() {
            return Flux.concat(Flux.just("first"), Flux.never());
        }

        @Get("/chunks")
        @Produces(MediaType.TEXT_PLAIN)
        Publisher<String> chunks() {
            return Flux.concat(Flux.just("first"), Mono.fromFuture(work::start));
        }

        @Get("/events")
        @Produces(MediaType.TEXT_EVENT_STREAM)
        Publisher<Event<String>> events() {
            return Flux.concat(Flux.just(Event.of("first")), Flux.never());
        }
    }

    @Controller("/http2/two")
    @RateLimit(policy = "two")
    @Requires(property = "spec", value = "Http2SlotsTest")
    static class Two extends Routes {

        Two(Work work) {
            super(work);
        }
    }

    @Controller("/http2/jobs")
    @RateLimit(policy = "work")
    @Requires(property = "spec", value = "Http2SlotsTest")
    static class UntilDone extends Routes {

        UntilDone(Work work) {
            super(work);
        }
    }

    @Controller("/http2/brief")
    @RateLimit(policy = "brief")
    @Requires(property = "spec", value = "Http2SlotsTest")
    static class Brief extends Routes {

        Brief(Work work) {
            super(work);
        }
    }

    @Controller("/http2/annotated")
    @Requires(property = "spec", value = "Http2SlotsTest")
    static class Annotated {

        private final Work work;

        Annotated(Work work) {
            this.work = work;
        }

        @Get("/future/{name}")
        @RateLimit(value = "1 concurrent", key = "#{ name }", holdUntil = HoldUntil.COMPLETION, holdAtMost = "1h")
        CompletableFuture<String> future(@PathVariable String name) {
            return work.start();
        }
    }
}
