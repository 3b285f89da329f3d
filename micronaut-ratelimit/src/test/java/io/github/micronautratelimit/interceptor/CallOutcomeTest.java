package io.github.micronautratelimit.interceptor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.github.micronautratelimit.web.RequestKeys;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.scheduling.annotation.Async;
import io.micronaut.websocket.annotation.OnMessage;
import io.micronaut.websocket.annotation.ServerWebSocket;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Calls of beans that stay charged only for some outcomes. */
class CallOutcomeTest {

    private static final Map<String, Object> PROPERTIES = Map.of(
            "spec",
            "CallOutcomeTest.Calls",
            "ratelimit.policies.failures.limits",
            "5/min",
            "ratelimit.policies.failures.charge-on",
            "java.io.UncheckedIOException");

    @ParameterizedTest
    @ValueSource(strings = {"plain", "stage", "mono", "emptyMono", "flux"})
    void onlyListedFailuresStayCharged(String method) {
        try (ApplicationContext context = ApplicationContext.run(PROPERTIES)) {
            Calls calls = context.getBean(Calls.class);
            for (int i = 0; i < 10; i++) {
                calls.call(method, null);
            }
            assertEquals(5, left(context), "successful calls cost nothing");
            for (int i = 0; i < 10; i++) {
                assertThrows(IllegalStateException.class, () -> calls.call(method, new IllegalStateException("other")));
            }
            assertEquals(5, left(context), "other failures cost nothing");
            for (int i = 0; i < 5; i++) {
                assertThrows(
                        UncheckedIOException.class,
                        () -> calls.call(method, new UncheckedIOException(new IOException("listed"))));
            }
            assertEquals(0, left(context));
            assertThrows(RateLimitExceededException.class, () -> calls.call(method, null));
            assertEquals(0, left(context), "a denied call gives nothing back");
        }
    }

    /** A caller that takes the first values only does not say how the call would have ended. */
    @Test
    void cancelledStreamStaysCharged() {
        try (ApplicationContext context = ApplicationContext.run(PROPERTIES)) {
            Calls calls = context.getBean(Calls.class);
            assertEquals("a", calls.flux(null).blockFirst());
            assertEquals(4, left(context));
        }
    }

    private static long left(ApplicationContext context) {
        Policy policy = context.getBean(PolicyRegistry.class).get("failures");
        return context.getBean(RateLimiter.class)
                .peek(policy, RequestKeys.GLOBAL, 0)
                .remaining();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "StatusOfBean | has \"charge-on: 401\", but call() is not a route and has no status; write the name of an "
                        + "exception class.",
                "StatusOfClass | has \"refund-on: 5xx\", but call() is not a route and has no status; write the name of an "
                        + "exception class.",
                "StatusOfPolicy | has \"charge-on: 401, 403\", but call() is not a route and has no status; write the name "
                        + "of an exception class.",
                "Both | has both chargeOn and refundOn; write the outcomes that are charged, or those that are not.",
                "AsyncVoid | has charge-on: java.io.IOException, but call() is @Async and returns void, so the end of its "
                        + "work is unknown; return a CompletionStage, such as CompletableFuture<Void>.",
                "PlainFuture | has charge-on: java.io.IOException, but call() returns a Future, so the end of its work is "
                        + "unknown; return a CompletionStage, such as CompletableFuture<Void>.",
                "Typo | The outcome \"com.shop.Missing\" is not a class of this application; write the full name of an "
                        + "exception class, such as \"java.io.IOException\", or a status such as \"401\".",
                "Malformed | The outcome \"40\" is neither a status nor the name of a class; write a status such as "
                        + "\"401\", a class of statuses such as \"5xx\", or the full name of an exception class.",
                "Slots | which charges nothing, so charge-on: 401 does not apply; remove it.",
                "Socket | has chargeOn, but a connection or message has no outcome; remove it.",
                "SocketOfPolicy | has \"charge-on: 401, 403\", but a connection or message has no outcome; use another "
                        + "policy.",
            })
    void outcomeThatCannotBeKnownFailsStart(String spec, String message) {
        Throwable failure = assertThrows(RuntimeException.class, () -> ApplicationContext.run(Map.of(
                        "spec",
                        "CallOutcomeTest." + spec,
                        "ratelimit.policies.login.limits",
                        "5/min",
                        "ratelimit.policies.login.charge-on",
                        "401, 403"))
                .close());
        assertTrue(sentence(failure).endsWith(message), () -> sentence(failure));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "charge-on=401&refund-on=5xx | ratelimit.policies.p has both charge-on and refund-on; write the outcomes "
                        + "that are charged, or those that are not.",
                "charge-on=4011 | ratelimit.policies.p: The outcome \"4011\" is neither a status nor the name of a class; "
                        + "write a status such as \"401\", a class of statuses such as \"5xx\", or the full name of an "
                        + "exception class.",
                "refund-on=java.lang.String | ratelimit.policies.p: The outcome \"java.lang.String\" is not an exception class; "
                        + "write one, such as \"java.io.IOException\".",
                "block=15min | ratelimit.policies.p: The block \"15min\" is not a block; write one like \"15min after 5 denials "
                        + "in 1min\", or \"15min after 5 denials in 1min x2 up to 1day\".",
                "limits=3 concurrent&block=1h after 5 denials in 1min | ratelimit.policies.p: The policy \"p\" has only the "
                        + "limit 3 concurrent, whose denials are not counted; remove the block \"1h after 5 denials in 1min\".",
                "charge=401 | did you mean `ratelimit.policies.p.charge-on`?",
                "limits=3 concurrent&charge-on=401 | ratelimit.policies.p: The policy \"p\" has only the limit 3 concurrent, "
                        + "which charges nothing, so charge-on: 401 does not apply; remove it.",
            })
    void invalidSettingFailsStart(String settings, String message) {
        Map<String, Object> properties = new HashMap<>(Map.of("ratelimit.policies.p.limits", "5/min"));
        for (String setting : settings.split("&")) {
            String[] parts = setting.split("=");
            properties.put("ratelimit.policies.p." + parts[0], parts[1]);
        }
        Throwable failure = assertThrows(
                RuntimeException.class, () -> ApplicationContext.run(properties).close());
        assertTrue(sentence(failure).contains(message), () -> sentence(failure));
    }

    private static String sentence(Throwable failure) {
        Throwable cause = failure;
        while (cause.getCause() != null && !(cause instanceof ConfigurationException)) {
            cause = cause.getCause();
        }
        return String.valueOf(cause.getMessage());
    }

    @Singleton
    @Requires(property = "spec", value = "CallOutcomeTest.Calls")
    static class Calls {

        void call(String method, RuntimeException failure) {
            try {
                switch (method) {
                    case "plain" -> plain(failure);
                    case "stage" -> stage(failure).join();
                    case "mono" -> mono(failure).block();
                    case "emptyMono" -> emptyMono(failure).block();
                    default -> flux(failure).collectList().block();
                }
            } catch (java.util.concurrent.CompletionException e) {
                throw (RuntimeException) e.getCause();
            }
        }

        @RateLimit(policy = "failures")
        String plain(RuntimeException failure) {
            if (failure != null) {
                throw failure;
            }
            return "ok";
        }

        @RateLimit(policy = "failures")
        CompletableFuture<String> stage(RuntimeException failure) {
            return failure == null ? CompletableFuture.completedFuture("ok") : CompletableFuture.failedFuture(failure);
        }

        @RateLimit(policy = "failures")
        Mono<String> mono(RuntimeException failure) {
            return failure == null ? Mono.just("ok") : Mono.error(failure);
        }

        @RateLimit(policy = "failures")
        Mono<String> emptyMono(RuntimeException failure) {
            return failure == null ? Mono.empty() : Mono.error(failure);
        }

        @RateLimit(policy = "failures")
        Flux<String> flux(RuntimeException failure) {
            return failure == null ? Flux.fromIterable(List.of("a", "b")) : Flux.error(failure);
        }
    }

    @Singleton
    @Requires(property = "spec", value = "CallOutcomeTest.StatusOfBean")
    static class StatusOfBean {

        @RateLimit(value = "5/min", chargeOn = "401")
        void call() {}
    }

    @Singleton
    @RateLimit(value = "5/min", refundOn = "5xx")
    @Requires(property = "spec", value = "CallOutcomeTest.StatusOfClass")
    static class StatusOfClass {

        void call() {}
    }

    @Singleton
    @Requires(property = "spec", value = "CallOutcomeTest.StatusOfPolicy")
    static class StatusOfPolicy {

        @RateLimit(policy = "login")
        void call() {}
    }

    @Singleton
    @Requires(property = "spec", value = "CallOutcomeTest.Both")
    static class Both {

        @RateLimit(value = "5/min", chargeOn = "java.io.IOException", refundOn = "java.lang.RuntimeException")
        void call() {}
    }

    @Singleton
    @Requires(property = "spec", value = "CallOutcomeTest.AsyncVoid")
    static class AsyncVoid {

        @Async
        @RateLimit(value = "5/min", chargeOn = "java.io.IOException")
        void call() {}
    }

    @Singleton
    @Requires(property = "spec", value = "CallOutcomeTest.PlainFuture")
    static class PlainFuture {

        @RateLimit(value = "5/min", chargeOn = "java.io.IOException")
        Future<String> call() {
            return CompletableFuture.completedFuture("ok");
        }
    }

    @Singleton
    @Requires(property = "spec", value = "CallOutcomeTest.Typo")
    static class Typo {

        @RateLimit(value = "5/min", chargeOn = "com.shop.Missing")
        void call() {}
    }

    @Singleton
    @Requires(property = "spec", value = "CallOutcomeTest.Malformed")
    static class Malformed {

        @RateLimit(value = "5/min", refundOn = "40")
        void call() {}
    }

    @Singleton
    @Requires(property = "spec", value = "CallOutcomeTest.Slots")
    static class Slots {

        @RateLimit(value = "5 concurrent", chargeOn = "401")
        void call() {}
    }

    @ServerWebSocket("/socket")
    @Requires(property = "spec", value = "CallOutcomeTest.Socket")
    static class Socket {

        @OnMessage
        @RateLimit(value = "5/min", chargeOn = "401")
        void message(String text) {}
    }

    @ServerWebSocket("/socket")
    @RateLimit(policy = "login")
    @Requires(property = "spec", value = "CallOutcomeTest.SocketOfPolicy")
    static class SocketOfPolicy {

        @OnMessage
        void message(String text) {}
    }
}
