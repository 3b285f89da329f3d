package io.github.micronautratelimit.interceptor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.aop.Around;
import io.micronaut.aop.InterceptPhase;
import io.micronaut.aop.InterceptorBean;
import io.micronaut.aop.MethodInterceptor;
import io.micronaut.aop.MethodInvocationContext;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.retry.annotation.CircuitBreaker;
import io.micronaut.retry.annotation.Fallback;
import io.micronaut.retry.annotation.Recoverable;
import io.micronaut.retry.annotation.Retryable;
import io.micronaut.scheduling.annotation.Async;
import jakarta.inject.Singleton;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

/** The order of limits and other advice, as the guide describes it. */
class OtherAnnotationsTest {

    private static ApplicationContext start() {
        return ApplicationContext.run(Map.of("spec", "OtherAnnotationsTest"));
    }

    @Test
    void retriedCallCostsOnePermitAndDenialIsNotRetried() {
        try (ApplicationContext context = start()) {
            Retried retried = context.getBean(Retried.class);
            assertThrows(IllegalStateException.class, retried::fail);
            assertEquals(3, retried.attempts.get());
            assertThrows(IllegalStateException.class, retried::fail);
            assertEquals(6, retried.attempts.get());
            assertThrows(RateLimitExceededException.class, retried::fail);
            assertEquals(6, retried.attempts.get());
        }
    }

    @Test
    void retriedPublisherAndStageCostOnePermit() {
        try (ApplicationContext context = start()) {
            Retried retried = context.getBean(Retried.class);
            assertThrows(
                    IllegalStateException.class,
                    () -> retried.flux().collectList().block());
            assertEquals(3, retried.attempts.get());
            assertThrows(
                    RateLimitExceededException.class,
                    () -> retried.flux().collectList().block());
            assertThrows(CompletionException.class, () -> retried.stage().join());
            assertEquals(6, retried.attempts.get());
            CompletionException denied = assertThrows(
                    CompletionException.class, () -> retried.stage().join());
            assertEquals(RateLimitExceededException.class, denied.getCause().getClass());
            assertEquals(6, retried.attempts.get());
        }
    }

    @Test
    void callOfOpenCircuitBreakerCostsPermit() {
        try (ApplicationContext context = start()) {
            Broken broken = context.getBean(Broken.class);
            assertThrows(IllegalStateException.class, broken::fail);
            assertThrows(RuntimeException.class, broken::fail, "the breaker is open");
            assertEquals(2, broken.attempts.get(), "the attempts of the first call");
            assertThrows(RateLimitExceededException.class, broken::fail);
        }
    }

    @Test
    void limitOfCalledBeanCountsEachAttempt() {
        try (ApplicationContext context = start()) {
            Caller caller = context.getBean(Caller.class);
            assertThrows(IllegalStateException.class, caller::call, "three attempts of four permits");
            assertThrows(RateLimitExceededException.class, caller::call, "the fourth attempt, then a denial");
            assertEquals(4, context.getBean(Attempt.class).attempts.get());
        }
    }

    @Test
    void denialDoesNotOpenCircuitBreaker() {
        try (ApplicationContext context = start()) {
            Broken broken = context.getBean(Broken.class);
            assertEquals("ok", broken.call());
            for (int i = 0; i < 5; i++) {
                assertThrows(RateLimitExceededException.class, broken::call);
            }
        }
    }

    @Test
    void fallbackIsCalledForFailuresOnly() {
        try (ApplicationContext context = start()) {
            Service service = context.getBean(Service.class);
            assertEquals("fallback", service.call());
            assertThrows(RateLimitExceededException.class, service::call);
        }
    }

    @Test
    void cachedCallCostsPermitAndDeniedCallBeginsNoTransaction() {
        try (ApplicationContext context = start()) {
            Advised advised = context.getBean(Advised.class);
            assertEquals("cached", advised.cached());
            assertThrows(RateLimitExceededException.class, advised::cached);
            assertEquals("ok", advised.transactional());
            assertThrows(RateLimitExceededException.class, advised::transactional);
            assertEquals(1, context.getBean(Transactions.class).count.get());
        }
    }

    @Test
    void callerOfAsyncMethodReceivesDenialAndSlotIsHeldUntilWorkEnds() throws Exception {
        try (ApplicationContext context = start()) {
            Background background = context.getBean(Background.class);
            CompletableFuture<String> work = new CompletableFuture<>();
            CompletableFuture<String> running = background.run(work);
            ExecutionException denied = assertThrows(
                    ExecutionException.class, () -> background.run(work).get(30, TimeUnit.SECONDS));
            assertEquals(RateLimitExceededException.class, denied.getCause().getClass());
            assertFalse(running.isDone());
            work.complete("done");
            assertEquals("done", running.get(30, TimeUnit.SECONDS));
            background.log();
            assertThrows(RateLimitExceededException.class, background::log);
        }
    }

    @Singleton
    @Requires(property = "spec", value = "OtherAnnotationsTest")
    static class Retried {

        final AtomicInteger attempts = new AtomicInteger();

        @RateLimit("2/h")
        @Retryable(attempts = "2", delay = "1ms")
        void fail() {
            attempts.incrementAndGet();
            throw new IllegalStateException("failed");
        }

        @RateLimit("1/h")
        @Retryable(attempts = "2", delay = "1ms")
        Flux<String> flux() {
            return Flux.error(this::failure);
        }

        @RateLimit("1/h")
        @Retryable(attempts = "2", delay = "1ms")
        CompletableFuture<String> stage() {
            return CompletableFuture.failedFuture(failure());
        }

        private IllegalStateException failure() {
            attempts.incrementAndGet();
            return new IllegalStateException("failed");
        }
    }

    @Singleton
    @Requires(property = "spec", value = "OtherAnnotationsTest")
    static class Attempt {

        final AtomicInteger attempts = new AtomicInteger();

        @RateLimit("4/h")
        void attempt() {
            attempts.incrementAndGet();
            throw new IllegalStateException("failed");
        }
    }

    @Singleton
    @Requires(property = "spec", value = "OtherAnnotationsTest")
    static class Caller {

        private final Attempt attempt;

        Caller(Attempt attempt) {
            this.attempt = attempt;
        }

        @Retryable(attempts = "2", delay = "1ms", excludes = RateLimitExceededException.class)
        void call() {
            attempt.attempt();
        }
    }

    @Singleton
    @Requires(property = "spec", value = "OtherAnnotationsTest")
    static class Broken {

        final AtomicInteger attempts = new AtomicInteger();

        @RateLimit("2/h")
        @CircuitBreaker(attempts = "1", delay = "1ms", reset = "1h")
        String fail() {
            attempts.incrementAndGet();
            throw new IllegalStateException("failed");
        }

        @RateLimit("1/h")
        @CircuitBreaker(attempts = "1", delay = "1ms")
        String call() {
            return "ok";
        }
    }

    interface Service {

        String call();
    }

    @Singleton
    @Recoverable(api = Service.class)
    @Requires(property = "spec", value = "OtherAnnotationsTest")
    static class Failing implements Service {

        @Override
        @RateLimit("1/h")
        public String call() {
            throw new IllegalStateException("failed");
        }
    }

    @Fallback
    @Requires(property = "spec", value = "OtherAnnotationsTest")
    static class Instead implements Service {

        @Override
        public String call() {
            return "fallback";
        }
    }

    @Around
    @Retention(RetentionPolicy.RUNTIME)
    @interface Cached {}

    /** Stands for {@code @Cacheable}: answers without the method, in the phase of caches. */
    @InterceptorBean(Cached.class)
    @Requires(property = "spec", value = "OtherAnnotationsTest")
    static class Cache implements MethodInterceptor<Object, Object> {

        @Override
        public int getOrder() {
            return InterceptPhase.CACHE.getPosition();
        }

        @Override
        public Object intercept(MethodInvocationContext<Object, Object> context) {
            return "cached";
        }
    }

    @Around
    @Retention(RetentionPolicy.RUNTIME)
    @interface InTransaction {}

    /** Stands for {@code @Transactional}, in the phase of transactions. */
    @InterceptorBean(InTransaction.class)
    @Requires(property = "spec", value = "OtherAnnotationsTest")
    static class Transactions implements MethodInterceptor<Object, Object> {

        final AtomicInteger count = new AtomicInteger();

        @Override
        public int getOrder() {
            return InterceptPhase.TRANSACTION.getPosition();
        }

        @Override
        public Object intercept(MethodInvocationContext<Object, Object> context) {
            count.incrementAndGet();
            return context.proceed();
        }
    }

    @Singleton
    @Requires(property = "spec", value = "OtherAnnotationsTest")
    static class Advised {

        @Cached
        @RateLimit("1/h")
        String cached() {
            return "not cached";
        }

        @InTransaction
        @RateLimit("1/h")
        String transactional() {
            return "ok";
        }
    }

    @Singleton
    @Requires(property = "spec", value = "OtherAnnotationsTest")
    static class Background {

        @Async
        @RateLimit("1 concurrent")
        CompletableFuture<String> run(CompletableFuture<String> work) {
            return work;
        }

        @Async
        @RateLimit("1/h")
        void log() {}
    }
}
