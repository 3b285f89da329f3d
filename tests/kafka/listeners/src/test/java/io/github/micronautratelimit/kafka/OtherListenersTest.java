package io.github.micronautratelimit.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.annotation.Nullable;
import io.micronaut.messaging.annotation.MessageListener;
import io.micronaut.messaging.annotation.MessageMapping;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Listeners of other messaging clients, which call their methods as the tests do. */
class OtherListenersTest {

    private static ApplicationContext application(String name) {
        return ApplicationContext.run(Map.of("spec.name", name, "kafka.enabled", "false"));
    }

    @MessageListener
    @Requires(property = "spec.name", value = "others")
    static class Others {

        @MessageMapping("plain")
        @RateLimit("10/s burst 1")
        String plain(String value) {
            return value;
        }

        @MessageMapping("stage")
        @RateLimit("10/s burst 1")
        CompletionStage<String> stage(String value) {
            return CompletableFuture.completedFuture(value);
        }

        @MessageMapping("bounded")
        @RateLimit(value = "1/h", maxWait = "1s")
        void bounded() {}

        @MessageMapping("expensive")
        @RateLimit(value = "5/s", permits = "#{ cost }")
        void expensive(int cost) {}

        @MessageMapping("keyed")
        @RateLimit(value = "20/s burst 1", key = "#{ customer }")
        void keyed(@Nullable String customer) {}

        @MessageMapping("endless")
        @RateLimit("1/h")
        void endless() {}

        @RateLimit("1/h")
        void noListener() {}
    }

    private final List<String> received = new ArrayList<>();

    @Test
    void plainListenerWaitsOnItsThread() {
        try (ApplicationContext context = application("others")) {
            Others listener = context.getBean(Others.class);
            long begun = System.nanoTime();
            Records.numbers(6).forEach(value -> received.add(listener.plain(value)));
            assertEquals(Records.numbers(6), received);
            assertTrue(System.nanoTime() - begun >= TimeUnit.MILLISECONDS.toNanos(450));
        }
    }

    @Test
    void listenerOfAStageDelaysItsResult() throws Exception {
        try (ApplicationContext context = application("others")) {
            Others listener = context.getBean(Others.class);
            long begun = System.nanoTime();
            List<CompletionStage<String>> stages =
                    Records.numbers(6).stream().map(listener::stage).toList();
            for (CompletionStage<String> stage : stages) {
                received.add(stage.toCompletableFuture().get(60, TimeUnit.SECONDS));
            }
            assertEquals(Records.numbers(6), received);
            assertTrue(System.nanoTime() - begun >= TimeUnit.MILLISECONDS.toNanos(450));
        }
    }

    @Test
    void messageFailsIfItsTurnComesAfterMaxWaitOrNever() {
        try (ApplicationContext context = application("others")) {
            Others listener = context.getBean(Others.class);
            listener.bounded();
            assertThrows(RateLimitExceededException.class, listener::bounded);
            listener.expensive(5);
            assertThrows(RateLimitExceededException.class, () -> listener.expensive(6));
        }
    }

    @Test
    void messagesWithoutAKeyShareOne() {
        try (ApplicationContext context = application("others")) {
            Others listener = context.getBean(Others.class);
            listener.keyed("first");
            listener.keyed("second");
            long begun = System.nanoTime();
            for (int i = 0; i < 5; i++) {
                listener.keyed(null);
            }
            assertTrue(System.nanoTime() - begun >= TimeUnit.MILLISECONDS.toNanos(180));
        }
    }

    @Test
    void messageThatWaitsAtAStopFails() throws Exception {
        CompletableFuture<Void> waiting;
        try (ApplicationContext context = application("others")) {
            Others listener = context.getBean(Others.class);
            listener.endless();
            waiting = CompletableFuture.runAsync(listener::endless);
            RateLimiter limiter = context.getBean(RateLimiter.class);
            Records.await(() -> limiter.stats().waiting() == 1, () -> "nobody waits");
        }
        assertThrows(Exception.class, () -> waiting.get(60, TimeUnit.SECONDS));
    }

    @Test
    void otherMethodOfAListenerIsDenied() {
        try (ApplicationContext context = application("others")) {
            Others listener = context.getBean(Others.class);
            listener.noListener();
            assertThrows(RateLimitExceededException.class, listener::noListener);
        }
    }

    @MessageListener
    @Requires(property = "spec.name", value = "address")
    static class OfAddress {

        @MessageMapping("address")
        @RateLimit(value = "1/h", key = "{ip}")
        void receive(String value) {}
    }

    @MessageListener
    @Requires(property = "spec.name", value = "size")
    static class OfSize {

        @MessageMapping("size")
        @RateLimit(value = "1/h", permits = "{body-size} 1..1")
        void receive(String value) {}
    }

    @Test
    void limitThatNeedsARequestFailsTheStart() {
        for (String name : List.of("address", "size")) {
            RuntimeException failure =
                    assertThrows(RuntimeException.class, () -> application(name).close());
            StringBuilder messages = new StringBuilder();
            for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
                messages.append(cause.getMessage()).append('\n');
            }
            assertTrue(
                    messages.toString().contains("of HTTP requests, but a message listener has"), messages.toString());
        }
    }
}
