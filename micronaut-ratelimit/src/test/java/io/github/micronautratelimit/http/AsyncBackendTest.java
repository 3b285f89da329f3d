package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.AsyncBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.RateLimitEvent;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.StoreFailure;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.micronaut.context.annotation.Property;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.annotation.NonBlocking;
import io.micronaut.core.order.Ordered;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Produces;
import io.micronaut.http.annotation.RequestFilter;
import io.micronaut.http.annotation.ServerFilter;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.http.context.ServerRequestContext;
import io.micronaut.http.filter.ServerFilterPhase;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** HTTP requests and method calls on a store that answers later, on its own thread. */
@MicronautTest(rebuildContext = true)
@Property(name = "spec", value = "AsyncBackendTest")
@Property(name = "ratelimit.backend", value = "async")
@Property(name = "ratelimit.deadline", value = "1s")
@Property(name = "ratelimit.policies.address.limits", value = "5/min")
@Property(name = "ratelimit.policies.closed.limits", value = "2/min")
@Property(name = "ratelimit.policies.closed.on-error", value = "closed")
class AsyncBackendTest {

    @Inject
    @Client("/")
    HttpClient client;

    @Inject
    AsyncBackend store;

    @Inject
    Service service;

    @Inject
    RateLimiter limiter;

    @Inject
    PolicyRegistry policies;

    @Inject
    Failures failures;

    Calls calls;

    @BeforeEach
    void calls() {
        calls = new Calls(client);
    }

    @Test
    void controllerRunsOnServerThreadAfterStoreAnswers() {
        String thread = client.toBlocking().retrieve("/thread");
        assertTrue(thread.startsWith("event loop"), thread);
        assertFalse(thread.contains("store-client"), thread);
    }

    @Test
    void lateAnswersLimitRoutes() {
        assertEquals(List.of(200, 200, 429, 429), calls.get("/thread", 4));
        assertEquals(List.of(200, 429), calls.get("/several", 2));
    }

    @Test
    void onErrorDecidesWhileStoreFailsOrHangs() {
        for (AsyncBackend.Mood mood : List.of(AsyncBackend.Mood.FAILS, AsyncBackend.Mood.HANGS)) {
            store.mood = mood;
            assertEquals(
                    mood == AsyncBackend.Mood.FAILS ? List.of(200, 200, 429) : List.of(429, 429, 429),
                    calls.get("/thread", 3),
                    "local counters decide");
            assertEquals(List.of(200, 200), calls.get("/open", 2));
            assertEquals(List.of(503), calls.get("/closed", 1));
        }
        assertTrue(failures.policies.size() == 12, "the listener receives every failure: " + failures.policies);
        assertTrue(failures.policies.contains("closed"));

        store.mood = AsyncBackend.Mood.ANSWERS;
        long end = System.nanoTime() + 20_000_000_000L;
        while (limiter.peek(policies.get("closed"), "any", 1).source() != Decision.Source.STORE) {
            assertTrue(System.nanoTime() < end, "the breaker closes without a request");
            LockSupport.parkNanos(1_000_000);
        }
        assertEquals(List.of(200, 200, 429), calls.get("/closed", 3), "back to the store");
    }

    /** The client has exceeded nothing, so it is told neither that it has nor how much is left. */
    @Test
    void closedPolicyTellsThatTheStoreIsUnavailable() {
        store.mood = AsyncBackend.Mood.FAILS;
        HttpResponse<?> response = calls.get("/closed");
        assertEquals(503, response.code());
        assertEquals("1", response.getHeaders().get("Retry-After"));
        assertEquals("no-store", response.getHeaders().get("Cache-Control"));
        assertEquals("\"closed\";q=2;w=60", response.getHeaders().get("RateLimit-Policy"));
        assertFalse(response.getHeaders().contains("RateLimit"));
        String body = response.getBody(String.class).orElse("");
        assertTrue(body.contains("#temporary-reduced-capacity"), body);
        assertFalse(body.contains("exceeded") || body.contains("violated"), body);
    }

    @Test
    void permitsOfFallbackAreNotRefundedToStore() {
        assertEquals(200, calls.get("/two-stages").code());
        store.mood = AsyncBackend.Mood.FAILS;
        assertEquals(
                429,
                calls.get("/two-stages", "X-Store", "back").code(),
                "allowed by on-error before authentication, denied by the store after it");
        assertEquals(
                4, limiter.peek(policies.get("address"), "{ip}127.0.0.1", 0).remaining());
    }

    @Test
    void interceptorWaitsForStore() {
        assertEquals("ok", service.sync());
        assertThrows(RateLimitExceededException.class, service::sync);

        assertEquals("ok", service.stage().toCompletableFuture().join());
        CompletionException failure = assertThrows(
                CompletionException.class,
                () -> service.stage().toCompletableFuture().join());
        assertEquals(RateLimitExceededException.class, failure.getCause().getClass());

        assertEquals("ok", service.mono().block());
        assertThrows(RateLimitExceededException.class, () -> service.mono().block());
    }

    @Test
    void interceptorNeverCallsMethodOnStoreThread() {
        for (int i = 0; i < 20; i++) {
            assertFalse(service.threadOfStage().toCompletableFuture().join().contains("store-client"));
            assertFalse(String.valueOf(service.threadOfMono().block()).contains("store-client"));
        }
        String thread = client.toBlocking().retrieve("/thread-of-service");
        assertTrue(
                thread.startsWith("event loop"),
                "a call on an event loop continues there, within its request: " + thread);
    }

    @Test
    void eventLoopNeverWaits() {
        store.mood = AsyncBackend.Mood.HANGS;
        assertEquals("ok ok denied", client.toBlocking().retrieve("/from-event-loop"), "local counters decide at once");
    }

    @Controller
    @NonBlocking
    @Requires(property = "spec", value = "AsyncBackendTest")
    static class Routes {

        private final Service service;

        Routes(Service service) {
            this.service = service;
        }

        @Get("/thread")
        @Produces("text/plain")
        @RateLimit("2/min")
        String thread() {
            return (Schedulers.isInNonBlockingThread() ? "event loop " : "other thread ")
                    + Thread.currentThread().getName();
        }

        @Get("/thread-of-service")
        @Produces("text/plain")
        CompletionStage<String> threadOfService() {
            return service.threadOfStage();
        }

        @Get("/several")
        @RateLimit("1/min")
        @RateLimit("2/h")
        String several() {
            return "ok";
        }

        @Get("/two-stages")
        @RateLimit(policy = "address")
        @RateLimit(value = "1/min", key = "{principal}")
        String twoStages() {
            return "ok";
        }

        @Get("/open")
        @RateLimit(value = "1/min", onError = OnError.OPEN)
        String open() {
            return "ok";
        }

        @Get("/closed")
        @RateLimit(policy = "closed")
        String closed() {
            return "ok";
        }

        @Get("/from-event-loop")
        @Produces("text/plain")
        String fromEventLoop(HttpRequest<?> request) {
            long before = System.nanoTime();
            String results = service.tryTwice() + " " + service.tryTwice() + " " + service.tryTwice();
            boolean waited = System.nanoTime() - before >= 3_000_000_000L;
            return waited ? "waited for the deadlines" : results;
        }
    }

    @Singleton
    @Requires(property = "spec", value = "AsyncBackendTest")
    static class Service {

        private final Twice twice;

        Service(Twice twice) {
            this.twice = twice;
        }

        @RateLimit("1/min")
        String sync() {
            return "ok";
        }

        @RateLimit("1/min")
        CompletionStage<String> stage() {
            return Mono.just("ok").toFuture();
        }

        @RateLimit("1/min")
        Mono<String> mono() {
            return Mono.just("ok");
        }

        @RateLimit("1000/s")
        CompletionStage<String> threadOfStage() {
            return Mono.just(thread()).toFuture();
        }

        @RateLimit("1000/s")
        Mono<String> threadOfMono() {
            return Mono.fromSupplier(Service::thread);
        }

        private static String thread() {
            return (ServerRequestContext.currentRequest().isPresent() && Schedulers.isInNonBlockingThread()
                            ? "event loop "
                            : "other thread ")
                    + Thread.currentThread().getName();
        }

        String tryTwice() {
            try {
                return twice.call();
            } catch (RateLimitExceededException e) {
                return "denied";
            }
        }
    }

    @Singleton
    @Requires(property = "spec", value = "AsyncBackendTest")
    static class Twice {

        @RateLimit("2/min")
        String call() {
            return "ok";
        }
    }

    /** Runs between the two stages, in place of authentication. */
    @ServerFilter(ServerFilter.MATCH_ALL_PATTERN)
    @Requires(property = "spec", value = "AsyncBackendTest")
    static class StoreRecovery implements Ordered {

        private final AsyncBackend store;

        StoreRecovery(AsyncBackend store) {
            this.store = store;
        }

        @RequestFilter
        void filter(HttpRequest<?> request) {
            if (request.getHeaders().contains("X-Store")) {
                store.mood = AsyncBackend.Mood.ANSWERS;
            }
        }

        @Override
        public int getOrder() {
            return ServerFilterPhase.SECURITY.order();
        }
    }

    @Singleton
    @Requires(property = "spec", value = "AsyncBackendTest")
    static class Failures implements RateLimitListener {

        final List<String> policies = Collections.synchronizedList(new ArrayList<>());

        @Override
        public boolean isInline() {
            return true;
        }

        @Override
        public void onBlock(RateLimitEvent event) {
            throw new IllegalStateException("A listener that throws changes nothing.");
        }

        @Override
        public void onError(StoreFailure failure) {
            policies.add(failure.policy().name());
        }
    }
}
