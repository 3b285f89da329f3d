package io.github.micronautratelimit.interceptor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Eventually;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.tck.VirtualClock;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.scheduling.annotation.Scheduled;
import jakarta.inject.Singleton;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;

/** Calls of methods that wait in turn. The clock of the limits moves only when the test moves it. */
class WaitingCallsTest {

    private ApplicationContext context;
    private Jobs jobs;
    private RateLimiter limiter;

    @BeforeEach
    void start() {
        context = run("scheduled", "false");
        jobs = context.getBean(Jobs.class);
        limiter = context.getBean(RateLimiter.class);
    }

    private static ApplicationContext run(String property, String value) {
        return ApplicationContext.run(Map.of(
                "spec",
                "WaitingCallsTest",
                "ratelimit.policies.configured.limits",
                "10/s burst 1",
                "ratelimit.policies.configured.max-wait",
                "1m",
                property,
                value));
    }

    @AfterEach
    void stop() {
        context.close();
    }

    private void waiting(long callers) throws Exception {
        Eventually.equal(callers, () -> limiter.stats().waiting());
    }

    private void refill() {
        context.getBean(VirtualClock.class).advance(100_000);
    }

    private static <T> T result(CompletableFuture<T> future) {
        return future.orTimeout(30, TimeUnit.SECONDS).join();
    }

    @Test
    void plainMethodWaitsOnItsThread() throws Exception {
        assertEquals(1, jobs.plain());
        CompletableFuture<Integer> second = CompletableFuture.supplyAsync(jobs::plain);
        waiting(1);
        assertFalse(second.isDone());
        refill();
        assertEquals(2, result(second));
    }

    @Test
    void interruptedCallLeavesTheQueue() throws Exception {
        jobs.plain();
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread caller = new Thread(() -> thrown.set(assertThrows(CancellationException.class, jobs::plain)));
        caller.start();
        waiting(1);
        caller.interrupt();
        waiting(0);
        caller.join();
        assertEquals(
                "The thread was interrupted while a call waited for permits.",
                thrown.get().getMessage());
        assertEquals(1, jobs.calls.get());
    }

    @Test
    void callThatWouldWaitTooLongIsDeniedAtOnce() {
        jobs.impatient();
        RateLimitExceededException denied = assertThrows(RateLimitExceededException.class, jobs::impatient);
        assertEquals(100_000, denied.decisions().retryAfterMicros());
    }

    @Test
    void stageWaitsWithoutAThread() throws Exception {
        result(jobs.stage());
        CompletableFuture<Integer> second = jobs.stage();
        CompletableFuture<Integer> third = jobs.stage();
        CompletableFuture<Integer> fourth = jobs.stage();
        waiting(3);
        assertTrue(third.cancel(true));
        waiting(2);
        refill();
        assertEquals(2, result(second));
        refill();
        assertEquals(3, result(fourth));
    }

    @Test
    void publisherWaitsAndLeavesTheQueueWhenCancelled() throws Exception {
        assertEquals(1, jobs.mono().block());
        Disposable cancelled = jobs.mono().subscribe();
        CompletableFuture<Integer> second = jobs.mono().toFuture();
        waiting(2);
        cancelled.dispose();
        waiting(1);
        refill();
        assertEquals(2, result(second));
    }

    @Test
    void configuredPolicyWaits() throws Exception {
        result(jobs.configured());
        CompletableFuture<Integer> second = jobs.configured();
        waiting(1);
        refill();
        assertEquals(2, result(second));
    }

    @Test
    void stoppedApplicationDeniesCallsThatWait() throws Exception {
        result(jobs.stage());
        CompletableFuture<Integer> second = jobs.stage();
        waiting(1);
        context.close();
        Throwable failure = assertThrows(Exception.class, () -> result(second)).getCause();
        assertInstanceOf(RateLimitExceededException.class, failure);
    }

    @Test
    void scheduledMethodWaitsForItsPermit() throws Exception {
        try (ApplicationContext scheduled = run("scheduled", "true")) {
            Ticks ticks = scheduled.getBean(Ticks.class);
            RateLimiter its = scheduled.getBean(RateLimiter.class);
            Eventually.equal(1L, () -> its.stats().waiting());
            assertEquals(1, ticks.count.get());
            scheduled.getBean(VirtualClock.class).advance(100_000);
            Eventually.equal(2, ticks.count::get);
        }
    }

    @Test
    void limiterInDisabledApplicationNeverWaits() {
        try (ApplicationContext disabled = run("ratelimit.enabled", "false")) {
            for (int i = 1; i <= 5; i++) {
                assertEquals(i, disabled.getBean(Jobs.class).plain());
            }
        }
    }

    @Singleton
    @Requires(property = "spec", value = "WaitingCallsTest")
    static class Jobs {

        final AtomicInteger calls = new AtomicInteger();

        @RateLimit(value = "10/s burst 1", maxWait = "1m")
        int plain() {
            return calls.incrementAndGet();
        }

        @RateLimit(value = "10/s burst 1", maxWait = "99ms")
        int impatient() {
            return calls.incrementAndGet();
        }

        @RateLimit(value = "10/s burst 1", maxWait = "1m")
        CompletableFuture<Integer> stage() {
            return CompletableFuture.completedFuture(calls.incrementAndGet());
        }

        @RateLimit(value = "10/s burst 1", maxWait = "${mono.wait:1m}")
        Mono<Integer> mono() {
            return Mono.fromCallable(calls::incrementAndGet);
        }

        @RateLimit(policy = "configured", maxWait = "1ms")
        CompletableFuture<Integer> configured() {
            return CompletableFuture.completedFuture(calls.incrementAndGet());
        }
    }

    @Singleton
    @Requires(property = "spec", value = "WaitingCallsTest")
    @Requires(property = "scheduled", value = "true")
    static class Ticks {

        final AtomicInteger count = new AtomicInteger();

        @Scheduled(fixedDelay = "1ms")
        @RateLimit(value = "10/s burst 1", maxWait = "1m")
        void tick() {
            count.incrementAndGet();
        }
    }
}
