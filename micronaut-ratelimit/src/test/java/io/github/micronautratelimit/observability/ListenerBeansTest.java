package io.github.micronautratelimit.observability;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.AsyncBackend;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitEvent;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.StoreFailure;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.http.Calls;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.annotation.Order;
import io.micronaut.core.order.Ordered;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.client.HttpClient;
import io.micronaut.runtime.event.annotation.EventListener;
import io.micronaut.runtime.server.EmbeddedServer;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Listeners that are beans, and methods that listen to application events. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ListenerBeansTest {

    private static final Policy TWO = Policy.of("two", "2/day");

    private static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, () -> "timed out waiting until " + what);
            LockSupport.parkNanos(1_000_000);
        }
    }

    @Test
    void beansAreCalledInTheirOrder() {
        try (ApplicationContext context = ApplicationContext.run(Map.of("spec", "ordered"), "test")) {
            context.getBean(RateLimiter.class).tryAcquire(TWO, "key");
            List<String> called = context.getBean(Called.class).listeners;
            await("all listeners are called", () -> called.size() == 3);
            assertEquals(List.of("inline", "first", "second"), called);
        }
    }

    @Test
    void aBlockedListenerDelaysNoRequest() {
        try (EmbeddedServer server = ApplicationContext.run(EmbeddedServer.class, Map.of("spec", "blocked"), "test");
                HttpClient client = HttpClient.create(server.getURL())) {
            assertEquals(List.of(200, 200, 429), new Calls(client).get("/listened", 3));
            Blocked blocked = server.getApplicationContext().getBean(Blocked.class);
            assertEquals(0, blocked.events.size());
            blocked.released.countDown();
            await("all events are delivered", () -> blocked.events.size() == 3);
        }
    }

    private static ApplicationContext listening() {
        return ApplicationContext.run(
                Map.of("spec", "events", "ratelimit.backend", "async", "ratelimit.deadline", "30s"), "test");
    }

    @Test
    void eventListenerMethodsReceiveDecisionsAndFailures() {
        try (ApplicationContext context = listening()) {
            RateLimiter limiter = context.getBean(RateLimiter.class);
            assertTrue(limiter.tryAcquire(TWO, "key", 2).allowed());
            limiter.tryAcquire(TWO, "key");
            context.getBean(AsyncBackend.class).mood = AsyncBackend.Mood.FAILS;
            limiter.tryAcquire(TWO, "other");
            Methods methods = context.getBean(Methods.class);
            await("all events are delivered", () -> methods.decided.size() == 3 && methods.failed.size() == 1);
            assertEquals(
                    List.of(true, false, true),
                    methods.decided.stream()
                            .map(event -> event.decision().allowed())
                            .toList());
            assertEquals(KeyHash.of("other"), methods.failed.get(0).keyHash());
        }
    }

    @Test
    void withoutListenerMethodsNothingIsPublished() {
        try (ApplicationContext context = ApplicationContext.run("test")) {
            assertEquals(false, context.getBean(ApplicationEvents.class).isEnabled());
        }
        try (ApplicationContext context = listening()) {
            assertEquals(true, context.getBean(ApplicationEvents.class).isEnabled());
        }
    }

    @Singleton
    @Requires(property = "spec", value = "ordered")
    static class Called {
        final List<String> listeners = Collections.synchronizedList(new ArrayList<>());
    }

    @Singleton
    @Order(2)
    @Requires(property = "spec", value = "ordered")
    record Second(Called called) implements RateLimitListener {

        @Override
        public void onAllow(RateLimitEvent event) {
            called.listeners.add("second");
        }
    }

    @Singleton
    @Requires(property = "spec", value = "ordered")
    record First(Called called) implements RateLimitListener, Ordered {

        @Override
        public void onAllow(RateLimitEvent event) {
            called.listeners.add("first");
        }

        @Override
        public int getOrder() {
            return 1;
        }
    }

    @Singleton
    @Order(3)
    @Requires(property = "spec", value = "ordered")
    record Inline(Called called) implements RateLimitListener {

        @Override
        public void onAllow(RateLimitEvent event) {
            called.listeners.add("inline");
        }

        @Override
        public boolean isInline() {
            return true;
        }
    }

    @Singleton
    @Requires(property = "spec", value = "blocked")
    static class Blocked implements RateLimitListener {

        final CountDownLatch released = new CountDownLatch(1);
        final List<RateLimitEvent> events = Collections.synchronizedList(new ArrayList<>());

        @Override
        public void onAllow(RateLimitEvent event) {
            block(event);
        }

        @Override
        public void onBlock(RateLimitEvent event) {
            block(event);
        }

        private void block(RateLimitEvent event) {
            try {
                released.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            events.add(event);
        }
    }

    @Controller("/listened")
    @Requires(property = "spec", value = "blocked")
    static class ListenedController {

        @Get
        @RateLimit("2/day")
        String get() {
            return "ok";
        }
    }

    /** Injects the limiter that notifies it. */
    @Singleton
    @Requires(property = "spec", value = "events")
    static class Methods {

        final List<RateLimitEvent> decided = Collections.synchronizedList(new ArrayList<>());
        final List<StoreFailure> failed = Collections.synchronizedList(new ArrayList<>());
        final RateLimiter limiter;

        Methods(RateLimiter limiter) {
            this.limiter = limiter;
        }

        @EventListener
        void decided(RateLimitEvent event) {
            decided.add(event);
        }

        @EventListener
        void failed(StoreFailure failure) {
            failed.add(failure);
        }
    }
}
