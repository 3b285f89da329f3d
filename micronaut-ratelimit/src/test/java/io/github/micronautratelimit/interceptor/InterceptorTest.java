package io.github.micronautratelimit.interceptor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.NoRateLimit;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.github.micronautratelimit.tck.VirtualClock;
import io.github.micronautratelimit.web.RequestKeys;
import io.micronaut.context.annotation.Property;
import io.micronaut.context.annotation.Requires;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** {@code @RateLimit} on the methods of beans. */
@MicronautTest(rebuildContext = true, startApplication = false)
@Property(name = "spec", value = "InterceptorTest")
@Property(name = "ratelimit.policies.configured.limits", value = "2/min")
@Property(name = "ratelimit.policies.configured.key", value = "all")
@Property(name = "ratelimit.policies.overridden.limits", value = "3/min")
@Property(name = "ratelimit.policies.sending.limits", value = "100/day")
@Property(name = "my.limit", value = "2/min")
class InterceptorTest {

    @Inject
    Service service;

    @Inject
    LimitedClass limitedClass;

    @Inject
    VirtualClock clock;

    @Inject
    RateLimiter limiter;

    @Inject
    PolicyRegistry policies;

    @Test
    void callBeyondLimitThrowsDecisionAndDoesNotReachMethod() {
        service.twice();
        service.twice();
        RateLimitExceededException denied = assertThrows(RateLimitExceededException.class, service::twice);

        assertEquals(2, service.calls.get());
        Decision decision = denied.decisions().list().get(0);
        assertEquals(30_000_000, decision.retryAfterMicros());
        assertEquals("2/min", decision.deniedBy().get(0).toString());
        clock.advance(Duration.ofSeconds(30));
        service.twice();
        assertEquals(3, service.calls.get());
    }

    @Test
    void deniedStageFails() {
        assertEquals("ok", service.stage().toCompletableFuture().join());
        CompletionStage<String> denied = service.stage();
        CompletionException failure = assertThrows(
                CompletionException.class, () -> denied.toCompletableFuture().join());
        assertInstanceOf(RateLimitExceededException.class, failure.getCause());
        assertEquals(1, service.calls.get());
    }

    @Test
    void eachSubscriptionOfPublisherCounts() {
        Mono<String> mono = service.mono();
        Publisher<String> flux = service.flux();
        assertEquals(0, service.calls.get());

        assertEquals("ok", mono.block());
        assertThrows(RateLimitExceededException.class, mono::block);
        assertEquals(List.of("o", "k"), Flux.from(flux).collectList().block());
        assertThrows(RateLimitExceededException.class, () -> Flux.from(flux).blockLast());
        assertEquals(2, service.calls.get());
    }

    @Test
    void expressionsComputeKeyAndCost() {
        service.transfer(new Account("a"), 6);
        service.transfer(new Account("b"), 6);
        assertDenied(() -> service.transfer(new Account("a"), 6));
        service.transfer(new Account("a"), 4);
        assertEquals(3, service.calls.get());
    }

    @Test
    void computedCostStaysWithinBounds() {
        assertEquals(95, remainingAfterSending(5L));
        assertEquals(85, remainingAfterSending(1_000_000L), "at most 10");
        assertEquals(83, remainingAfterSending(0L), "at least 2");
        assertEquals(81, remainingAfterSending(-50L));
        assertEquals(79, remainingAfterSending(null));
    }

    private long remainingAfterSending(@Nullable Long amount) {
        service.send(amount);
        return limiter.peek(policies.get("sending"), RequestKeys.GLOBAL, 0).remaining();
    }

    @Test
    void callWithoutKeyIsDeniedAndSharesNoPermits() {
        assertDenied(() -> service.transfer(new Account(null), 1));
        assertDenied(() -> service.transfer(null, 1));
        service.transfer(new Account("null"), 10);
        assertEquals(1, service.calls.get());
    }

    @Test
    void methodWithoutKeyHasOneSetOfPermits() {
        service.twice();
        service.twice();
        service.alsoTwice();
        service.alsoTwice();
        assertDenied(service::twice);
        assertDenied(service::alsoTwice);
    }

    @Test
    void overloadsHaveSeparatePermits() {
        service.overloaded("a");
        service.overloaded(1);
        assertDenied(() -> service.overloaded("a"));
        assertDenied(() -> service.overloaded(1));
    }

    @Test
    void severalAnnotationsAreAllOrNothing() {
        service.several("a");
        assertDenied(() -> service.several("a"));
        assertDenied(() -> service.several("a"));
        service.several("b");
        assertDenied(() -> service.several("c"));
    }

    @Test
    void methodsShareLimitOfClassAndAddTheirOwn() {
        limitedClass.first();
        limitedClass.second();
        assertDenied(limitedClass::second);
        limitedClass.first();
        assertDenied(limitedClass::first);
        limitedClass.exempt();
        limitedClass.exempt();
        limitedClass.exempt();
        limitedClass.exempt();
    }

    @Test
    void metaAnnotationLimitsEachMethod() {
        service.throttled();
        assertDenied(service::throttled);
        service.alsoThrottled();
        assertDenied(service::alsoThrottled);
    }

    @Test
    void propertySuppliesLimit() {
        service.fromProperty();
        service.fromProperty();
        assertDenied(service::fromProperty);
    }

    @Test
    void configuredPolicySuppliesLimitsAndKey() {
        service.configured();
        service.alsoConfigured();
        assertDenied(service::configured);
        assertDenied(service::alsoConfigured);
        service.overridden();
        service.overridden();
        service.overridden();
        assertDenied(service::overridden);
    }

    private static void assertDenied(Executable call) {
        assertThrows(RateLimitExceededException.class, call);
    }

    record Account(@Nullable String id) {}

    @RateLimit("1/min")
    @Retention(RetentionPolicy.RUNTIME)
    @interface Throttled {}

    @Singleton
    @Requires(property = "spec", value = "InterceptorTest")
    static class Service {

        final AtomicInteger calls = new AtomicInteger();

        @RateLimit("2/min")
        void twice() {
            calls.incrementAndGet();
        }

        @RateLimit("2/min")
        void alsoTwice() {
            calls.incrementAndGet();
        }

        @RateLimit("1/min")
        CompletionStage<String> stage() {
            calls.incrementAndGet();
            return CompletableFuture.completedFuture("ok");
        }

        @RateLimit("1/min")
        Mono<String> mono() {
            calls.incrementAndGet();
            return Mono.just("ok");
        }

        @RateLimit("1/min")
        Publisher<String> flux() {
            calls.incrementAndGet();
            return Flux.just("o", "k");
        }

        @RateLimit(value = "10/min", key = "#{ account.id }", permits = "#{ amount }")
        void transfer(@Nullable Account account, long amount) {
            calls.incrementAndGet();
        }

        @RateLimit(policy = "sending", permits = "#{ amount } 2..10")
        void send(@Nullable Long amount) {
            calls.incrementAndGet();
        }

        @RateLimit("1/min")
        void overloaded(String text) {
            assertTrue(text.length() > 0);
        }

        @RateLimit("1/min")
        void overloaded(int number) {
            assertTrue(number > 0);
        }

        @RateLimit("2/min")
        @RateLimit(value = "1/min", key = "#{ name }")
        void several(String name) {
            assertTrue(name.length() > 0);
        }

        @Throttled
        void throttled() {}

        @Throttled
        void alsoThrottled() {}

        @RateLimit("${my.limit}")
        void fromProperty() {}

        @RateLimit(policy = "configured")
        void configured() {}

        @RateLimit(policy = "configured")
        void alsoConfigured() {}

        @RateLimit(value = "1/day", policy = "overridden")
        void overridden() {}
    }

    @Singleton
    @RateLimit("${no.such.property:3/min}")
    @Requires(property = "spec", value = "InterceptorTest")
    static class LimitedClass {

        void first() {}

        @RateLimit("1/min")
        void second() {}

        @NoRateLimit
        void exempt() {}
    }
}
