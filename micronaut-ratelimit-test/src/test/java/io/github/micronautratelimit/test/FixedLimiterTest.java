package io.github.micronautratelimit.test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.Reservation;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class FixedLimiterTest {

    private static final Policy MAILS = Policy.of("mails", "2/h; 1 concurrent");

    @Test
    void allowingLimiterAllowsEverything() {
        RateLimiter limiter = FixedLimiter.allowing();
        limiter.block(MAILS, "key", Duration.ofDays(1));
        for (int i = 0; i < 10; i++) {
            assertTrue(limiter.tryAcquire(MAILS, "key").allowed());
            assertTrue(limiter.lease(MAILS, "key").allowed());
        }
        Reservation reservation =
                limiter.async().reserve(MAILS, "key", 2).toCompletableFuture().join();
        assertEquals(
                Reservation.Outcome.SETTLED,
                reservation.settle(1).toCompletableFuture().join().outcome());
    }

    @Test
    void denyingLimiterDeniesEverything() {
        RateLimiter limiter = FixedLimiter.denying(Duration.ofSeconds(30));
        assertFalse(limiter.lease(MAILS, "key").allowed());
        assertFalse(limiter.tryAcquireAll(List.of(new PermitRequest(MAILS, "key", 1), new PermitRequest(MAILS, "b", 1)))
                .allowed());
        RateLimitExceededException denial =
                assertThrows(RateLimitExceededException.class, () -> limiter.acquireOrThrow(MAILS, "key"));
        assertEquals(Optional.of(Duration.ofSeconds(30)), denial.retryAfter());
        limiter.reset(MAILS, "key");
        assertFalse(limiter.tryAcquire(MAILS, "key").allowed());
    }
}
