package io.github.micronautratelimit.test;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;

/** The application of the tests. */
@Controller("/shop")
class Shop {

    private static final Policy CARTS = Policy.of("carts", "1/h");

    private final RateLimiter limiter;

    Shop(RateLimiter limiter) {
        this.limiter = limiter;
    }

    @Get("/orders")
    @RateLimit(value = "2/min", policy = "orders")
    String orders() {
        return "";
    }

    @Get("/reports")
    @RateLimit("1/day fixed")
    String reports() {
        return "";
    }

    @Get("/cart")
    String cart() {
        Decision decision = limiter.tryAcquire(CARTS, "cart");
        return decision.allowed() ? "allowed" : "denied";
    }
}
