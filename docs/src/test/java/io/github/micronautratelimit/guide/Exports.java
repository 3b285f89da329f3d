package io.github.micronautratelimit.guide;

import java.util.List;
import java.util.function.BooleanSupplier;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import jakarta.inject.Singleton;

// tag::exports[]
@Singleton
class Exports {

    private static final Policy USER = Policy.of("user-exports", "10/h");
    private static final Policy EVERYBODY = Policy.of("exports", "1000/h");

    private final RateLimiter limiter;

    Exports(RateLimiter limiter) {
        this.limiter = limiter;
    }

    boolean export(String user, BooleanSupplier work) {
        List<Ask> asks = List.of(new Ask(USER, user, 1), new Ask(EVERYBODY, "", 1));
        if (!limiter.acquireAll(asks).allowed()) {              // both are charged, or none
            return false;
        }
        if (!work.getAsBoolean()) {
            limiter.refund(USER, user, 1);                      // came to nothing: is not counted
        }
        return true;
    }

    long left(String user) {
        return limiter.peek(USER, user, 0).remaining();         // takes nothing
    }

    void forgive(String user) {
        limiter.reset(USER, user);                              // every permit is free again
    }
}
// end::exports[]
