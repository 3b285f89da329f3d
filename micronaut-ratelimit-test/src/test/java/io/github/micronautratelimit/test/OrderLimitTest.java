package io.github.micronautratelimit.test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.micronaut.context.annotation.Property;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

// tag::test[]
@MicronautTest
@RateLimitTest
class OrderLimitTest {

    @Inject
    @Client("/shop")
    HttpClient client;

    @Inject
    TestClock clock;

    @Test
    void permitComesBackAfterHalfAMinute() {
        assertEquals(List.of(200, 200, 429), statuses("/orders", 3));
        clock.advance(Duration.ofSeconds(30));
        assertEquals(List.of(200, 429), statuses("/orders", 2));
    }

    @Test
    @Property(name = "ratelimit.shadow", value = "true")
    void pagesLoadWithoutLimits() {
        assertEquals(List.of(200, 200, 200, 200), statuses("/orders", 4));
    }

    @Test
    @Property(name = "ratelimit.policies.orders.limits", value = "3/min")
    void anotherLimitAppliesToOneTest() {
        assertEquals(List.of(200, 200, 200, 429), statuses("/orders", 4));
    }
    // end::test[]

    @BeforeEach
    void limitsAreFreshBeforeEachTest() {
        assertEquals(Instant.parse("2030-01-01T12:00:00Z"), clock.now());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void eachInvocationHasFreshLimits(int invocation) {
        assertEquals(List.of(200, 200, 429), statuses("/orders", 3), "invocation " + invocation);
    }

    @Test
    void dayEndsAtMidnight() {
        assertEquals(List.of(200, 429), statuses("/reports", 2));
        clock.advance(Duration.ofHours(12).minusMillis(1));
        assertEquals(List.of(429), statuses("/reports", 1));
        clock.advance(Duration.ofMillis(1));
        assertEquals(List.of(200), statuses("/reports", 1));
    }

    @Test
    void clockDoesNotGoBack() {
        assertThrows(IllegalArgumentException.class, () -> clock.advance(Duration.ofNanos(-1)));
    }

    @Test
    void blocksAndSlotsAreFreshToo(RateLimiter limiter, MemoryBackend memory) {
        Policy slots = Policy.of("slots", "1 concurrent");
        Policy rate = Policy.of("rate", "5/min");
        limiter.block(rate, "key", Duration.ofDays(1));
        assertTrue(limiter.lease(slots, "key").allowed());
        assertFalse(limiter.lease(slots, "key").allowed());
        memory.clear();
        assertTrue(limiter.lease(slots, "key").allowed());
        assertEquals(5, limiter.peek(rate, "key", 0).remaining());
        assertEquals(1, memory.liveKeys());
    }

    @Nested
    class InANestedClass {

        @Test
        void limitsAreFresh() {
            assertEquals(List.of(200, 200, 429), statuses("/orders", 3));
        }

        @Test
        void limitsAreFreshAgain() {
            assertEquals(List.of(200, 200, 429), statuses("/orders", 3));
        }
    }
    // tag::test[]

    private List<Integer> statuses(String path, int times) {
        return new Statuses(client).get(path, times);
    }
}
// end::test[]
