package io.github.micronautratelimit.interceptor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.annotation.Property;
import io.micronaut.context.annotation.Requires;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** {@code @RateLimit("1 concurrent")} on the methods of a bean. */
@MicronautTest(rebuildContext = true, startApplication = false)
@Property(name = "spec", value = "ConcurrencyInterceptorTest")
@Property(name = "ratelimit.policies.both.limits", value = "3/min, 1 concurrent")
class ConcurrencyInterceptorTest {

    @Inject
    Service service;

    @Test
    void callHoldsSlotUntilItReturnsOrThrows() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch leave = new CountDownLatch(1);
        CompletableFuture<Void> first = CompletableFuture.runAsync(() -> service.call(() -> {
            inside.countDown();
            await(leave);
        }));
        assertTrue(inside.await(30, TimeUnit.SECONDS));
        RateLimitExceededException denied =
                assertThrows(RateLimitExceededException.class, () -> service.call(() -> {}));
        Decision decision = denied.decisions().list().get(0);
        assertEquals(0, decision.remaining());
        assertEquals(30_000_000, decision.retryAfterMicros(), "the lease time, because the clock does not move");
        leave.countDown();
        first.get(30, TimeUnit.SECONDS);
        assertThrows(
                IllegalStateException.class,
                () -> service.call(() -> {
                    throw new IllegalStateException("wrong");
                }));
        service.call(() -> {});
    }

    @Test
    void stageHoldsSlotUntilItEnds() {
        CompletableFuture<String> first = service.stage().toCompletableFuture();
        assertDenied(service.stage());
        service.stage.complete("done");
        assertEquals("done", first.join());

        CompletableFuture<String> failing = another();
        service.stage.completeExceptionally(new IllegalStateException("wrong"));
        assertThrows(CompletionException.class, failing::join);

        CompletableFuture<String> cancelled = another();
        cancelled.cancel(false);

        CompletableFuture<String> late = another();
        assertThrows(CompletionException.class, late.orTimeout(1, TimeUnit.MILLISECONDS)::join);

        another();
    }

    /** Calls again when the slot is free; asserts that a second call is denied. */
    private CompletableFuture<String> another() {
        service.stage = new CompletableFuture<>();
        CompletableFuture<String> next = service.stage().toCompletableFuture();
        long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (next.isDone()) {
            assertTrue(System.nanoTime() - end < 0, "The slot was not released.");
            next = service.stage().toCompletableFuture();
        }
        assertDenied(service.stage());
        return next;
    }

    @Test
    void publisherHoldsSlotWhileSubscribed() {
        Disposable subscribed = Flux.from(service.flux()).subscribe();
        assertThrows(RateLimitExceededException.class, () -> Flux.from(service.flux())
                .blockLast(Duration.ofSeconds(30)));
        service.sink.tryEmitNext("one");
        assertThrows(RateLimitExceededException.class, () -> Flux.from(service.flux())
                .blockLast(Duration.ofSeconds(30)));
        subscribed.dispose();
        assertEquals(
                "two",
                Flux.from(service.flux())
                        .doOnSubscribe(on -> {})
                        .mergeWith(Mono.fromRunnable(() -> service.sink.tryEmitNext("two")))
                        .blockFirst(Duration.ofSeconds(30)),
                "the first element cancels the rest");

        Disposable mono = service.mono().subscribe();
        assertThrows(RateLimitExceededException.class, () -> service.mono().block());
        mono.dispose();
        assertThrows(IllegalStateException.class, () -> service.mono()
                .timeout(Duration.ofMillis(1), Mono.error(new IllegalStateException("late")))
                .block());
        service.sink.tryEmitComplete();
        assertEquals("empty", service.mono().defaultIfEmpty("empty").block());
        assertEquals("empty", service.mono().defaultIfEmpty("empty").block());
    }

    @Test
    void rateAndConcurrencyLimitApplyTogether() {
        for (int i = 0; i < 3; i++) {
            assertThrows(
                    RateLimitExceededException.class,
                    () -> service.both(() -> service.both(() -> {})),
                    "a nested call is denied because no slot is free, and costs no permit");
        }
        assertEquals(
                "3/min",
                assertThrows(RateLimitExceededException.class, () -> service.both(() -> {}))
                        .decisions()
                        .list()
                        .get(0)
                        .deniedBy()
                        .get(0)
                        .toString());
    }

    private static void assertDenied(CompletionStage<String> stage) {
        CompletionException failure = assertThrows(
                CompletionException.class, () -> stage.toCompletableFuture().join());
        assertInstanceOf(RateLimitExceededException.class, failure.getCause());
    }

    private static void await(CountDownLatch latch) {
        try {
            assertTrue(latch.await(30, TimeUnit.SECONDS));
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Singleton
    @Requires(property = "spec", value = "ConcurrencyInterceptorTest")
    static class Service {

        volatile CompletableFuture<String> stage = new CompletableFuture<>();
        final Sinks.Many<String> sink = Sinks.many().multicast().directBestEffort();

        @RateLimit("1 concurrent")
        void call(Runnable work) {
            work.run();
        }

        @RateLimit("1 concurrent")
        CompletionStage<String> stage() {
            return stage;
        }

        @RateLimit("1 concurrent")
        Publisher<String> flux() {
            return sink.asFlux();
        }

        @RateLimit("1 concurrent")
        Mono<String> mono() {
            return sink.asFlux().next();
        }

        @RateLimit(policy = "both")
        void both(Runnable work) {
            work.run();
        }
    }
}
