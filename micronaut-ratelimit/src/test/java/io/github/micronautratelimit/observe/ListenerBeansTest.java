package io.github.micronautratelimit.observe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.function.BooleanSupplier;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import io.github.micronautratelimit.AsyncBackend;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitEvent;
import io.github.micronautratelimit.RateLimitFailure;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.RateLimiter;
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

/** Listeners as beans, and as methods that listen to events. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ListenerBeansTest {

    private static final Policy TWO = Policy.of("two", "2/day");

    private static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, () -> "still waiting until " + what);
            Thread.onSpinWait();
        }
    }

    @Test
    void beansAreToldInTheirOrder() {
        try (ApplicationContext context = ApplicationContext.run(Map.of("spec", "ordered"), "test")) {
            context.getBean(RateLimiter.class).acquire(TWO, "key");
            List<String> told = context.getBean(Told.class).told;
            await("all are told", () -> told.size() == 3);
            assertEquals(List.of("inline", "first", "second"), told);
        }
    }

    @Test
    void aListenerThatHangsHoldsNoRequestUp() {
        try (EmbeddedServer server = ApplicationContext.run(EmbeddedServer.class, Map.of("spec", "hanging"), "test");
                HttpClient client = HttpClient.create(server.getURL())) {
            assertEquals(List.of(200, 200, 429), new Calls(client).get("/listened", 3));
            Hanging hanging = server.getApplicationContext().getBean(Hanging.class);
            assertEquals(0, hanging.went.size());
            hanging.goOn.countDown();
            await("all is told", () -> hanging.went.size() == 3);
        }
    }

    private static ApplicationContext listening() {
        return ApplicationContext.run(
                Map.of("spec", "events", "ratelimit.backend", "async", "ratelimit.deadline", "30s"), "test");
    }

    @Test
    void methodsListenToEvents() {
        try (ApplicationContext context = listening()) {
            RateLimiter limiter = context.getBean(RateLimiter.class);
            assertTrue(limiter.acquire(TWO, "key", 2).allowed());
            limiter.acquire(TWO, "key");
            context.getBean(AsyncBackend.class).mood = AsyncBackend.Mood.FAILS;
            limiter.acquire(TWO, "other");
            Methods methods = context.getBean(Methods.class);
            await("all is told", () -> methods.decided.size() == 3 && methods.failed.size() == 1);
            assertEquals(List.of(true, false, true),
                    methods.decided.stream().map(event -> event.decision().allowed()).toList());
            assertEquals(KeyHash.of("other"), methods.failed.get(0).keyHash());
        }
    }

    @Test
    void withoutMethodsThatListenNothingIsPublished() {
        try (ApplicationContext context = ApplicationContext.run("test")) {
            assertEquals(false, context.getBean(ApplicationEvents.class).isEnabled());
        }
        try (ApplicationContext context = listening()) {
            assertEquals(true, context.getBean(ApplicationEvents.class).isEnabled());
        }
    }

    @Singleton
    @Requires(property = "spec", value = "ordered")
    static class Told {
        final List<String> told = Collections.synchronizedList(new ArrayList<>());
    }

    @Singleton
    @Order(2)
    @Requires(property = "spec", value = "ordered")
    record Second(Told told) implements RateLimitListener {

        @Override
        public void onAllow(RateLimitEvent event) {
            told.told.add("second");
        }
    }

    @Singleton
    @Requires(property = "spec", value = "ordered")
    record First(Told told) implements RateLimitListener, Ordered {

        @Override
        public void onAllow(RateLimitEvent event) {
            told.told.add("first");
        }

        @Override
        public int getOrder() {
            return 1;
        }
    }

    @Singleton
    @Order(3)
    @Requires(property = "spec", value = "ordered")
    record Inline(Told told) implements RateLimitListener {

        @Override
        public void onAllow(RateLimitEvent event) {
            told.told.add("inline");
        }

        @Override
        public boolean isInline() {
            return true;
        }
    }

    @Singleton
    @Requires(property = "spec", value = "hanging")
    static class Hanging implements RateLimitListener {

        final CountDownLatch goOn = new CountDownLatch(1);
        final List<RateLimitEvent> went = Collections.synchronizedList(new ArrayList<>());

        @Override
        public void onAllow(RateLimitEvent event) {
            hang(event);
        }

        @Override
        public void onBlock(RateLimitEvent event) {
            hang(event);
        }

        private void hang(RateLimitEvent event) {
            try {
                goOn.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            went.add(event);
        }
    }

    @Controller("/listened")
    @Requires(property = "spec", value = "hanging")
    static class ListenedController {

        @Get
        @RateLimit("2/day")
        String get() {
            return "ok";
        }
    }

    /** Needs the limiter that tells it. */
    @Singleton
    @Requires(property = "spec", value = "events")
    static class Methods {

        final List<RateLimitEvent> decided = Collections.synchronizedList(new ArrayList<>());
        final List<RateLimitFailure> failed = Collections.synchronizedList(new ArrayList<>());
        final RateLimiter limiter;

        Methods(RateLimiter limiter) {
            this.limiter = limiter;
        }

        @EventListener
        void decided(RateLimitEvent event) {
            decided.add(event);
        }

        @EventListener
        void failed(RateLimitFailure failure) {
            failed.add(failure);
        }
    }
}
