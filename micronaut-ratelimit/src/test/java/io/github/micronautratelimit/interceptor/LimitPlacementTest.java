package io.github.micronautratelimit.interceptor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.annotation.NoRateLimit;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Error;
import io.micronaut.scheduling.annotation.Async;
import jakarta.inject.Singleton;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ForkJoinTask;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Limits that cannot be enforced fail the start; futures of any kind are limited. */
class LimitPlacementTest {

    private static final String NAME = LimitPlacementTest.class.getName();

    private static ApplicationContext start(String spec) {
        return ApplicationContext.run(Map.of("spec", "LimitPlacementTest." + spec));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "AsyncVoid | .run() has the limit \"1 concurrent\", but run() is @Async and returns void, so the end of "
                        + "its work is unknown; return a CompletionStage, such as CompletableFuture<Void>.",
                "AsyncClass | ' has the limit \"1 concurrent\", but run() is @Async and returns void, so the end of its "
                        + "work is unknown; return a CompletionStage, such as CompletableFuture<Void>.'",
                "SlotFuture | .run() has the limit \"2 concurrent\", but run() returns a Future, so the end of its work "
                        + "is unknown; return a CompletionStage, such as CompletableFuture<Void>.",
                "Protected | ' cannot limit the protected method hidden(), because Micronaut does not intercept it; make "
                        + "the method package-private or public, or write @RateLimit or @NoRateLimit on it.'",
                "Failing | .failed(IllegalStateException) is on an @Error method, whose request is already counted; "
                        + "write it on the routes or methods that are to be limited."
            })
    void limitThatCannotBeEnforcedFailsStart(String spec, String message) {
        Throwable failure =
                assertThrows(RuntimeException.class, () -> start(spec).close());
        while (failure.getCause() != null && !(failure instanceof ConfigurationException)) {
            failure = failure.getCause();
        }
        assertEquals("@RateLimit on " + NAME + "$" + spec + message, failure.getMessage());
    }

    @Test
    void futuresAreLimited() throws Exception {
        try (ApplicationContext context = start("Futures")) {
            Futures futures = context.getBean(Futures.class);
            assertEquals("ok", futures.future().get(30, TimeUnit.SECONDS));
            assertEquals("ok", futures.task().get(30, TimeUnit.SECONDS));
            assertEquals("ok", futures.forkJoin().get(30, TimeUnit.SECONDS));
            assertEquals("ok", futures.completable().get(30, TimeUnit.SECONDS));
            assertThrows(RateLimitExceededException.class, futures::future);
            assertThrows(RateLimitExceededException.class, futures::task);
            assertThrows(RateLimitExceededException.class, futures::forkJoin);
            assertThrows(ExecutionException.class, () -> futures.completable().get(30, TimeUnit.SECONDS));
        }
    }

    @Test
    void protectedMethodMayHaveItsOwnLimitOrNone() {
        try (ApplicationContext context = start("Allowed")) {
            Allowed allowed = context.getBean(Allowed.class);
            allowed.call();
            assertThrows(RateLimitExceededException.class, allowed::call, "the protected method counts too");
        }
    }

    @Singleton
    @Requires(property = "spec", value = "LimitPlacementTest.AsyncVoid")
    static class AsyncVoid {

        @Async
        @RateLimit("1 concurrent")
        void run() {}
    }

    @Singleton
    @RateLimit("1 concurrent")
    @Requires(property = "spec", value = "LimitPlacementTest.AsyncClass")
    static class AsyncClass {

        @Async
        void run() {}
    }

    @Singleton
    @Requires(property = "spec", value = "LimitPlacementTest.SlotFuture")
    static class SlotFuture {

        @RateLimit("2 concurrent")
        Future<String> run() {
            return CompletableFuture.completedFuture("ok");
        }
    }

    @Singleton
    @RateLimit("1/s")
    @Requires(property = "spec", value = "LimitPlacementTest.Protected")
    static class Protected {

        void call() {}

        protected void hidden() {}
    }

    @Controller("/failing")
    @Requires(property = "spec", value = "LimitPlacementTest.Failing")
    static class Failing {

        @Error
        @RateLimit("1/s")
        HttpResponse<?> failed(IllegalStateException e) {
            return HttpResponse.badRequest();
        }
    }

    @Singleton
    @RateLimit("2/h")
    @Requires(property = "spec", value = "LimitPlacementTest.Allowed")
    static class Allowed {

        void call() {
            limited();
            exempt();
        }

        @RateLimit("100/h")
        protected void limited() {}

        @NoRateLimit
        protected void exempt() {}
    }

    @Singleton
    @Requires(property = "spec", value = "LimitPlacementTest.Futures")
    static class Futures {

        @RateLimit("1/h")
        Future<String> future() {
            return CompletableFuture.completedFuture("ok");
        }

        @RateLimit("1/h")
        FutureTask<String> task() {
            FutureTask<String> task = new FutureTask<>(() -> "ok");
            task.run();
            return task;
        }

        @RateLimit("1/h")
        ForkJoinTask<String> forkJoin() {
            return ForkJoinTask.adapt(() -> "ok").fork();
        }

        @RateLimit("1/h")
        CompletableFuture<String> completable() {
            return CompletableFuture.completedFuture("ok");
        }
    }
}
