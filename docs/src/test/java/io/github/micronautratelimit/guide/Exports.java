package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.function.BooleanSupplier;

// tag::exports[]
@Singleton
class Exports {

    private static final Policy USER = Policy.of("user-exports", "10/h");
    private static final Policy ALL_USERS = Policy.of("exports", "1000/h");

    private final RateLimiter limiter;

    Exports(RateLimiter limiter) {
        this.limiter = limiter;
    }

    boolean export(String user, BooleanSupplier work) {
        List<PermitRequest> requests = List.of(new PermitRequest(USER, user, 1), new PermitRequest(ALL_USERS, "", 1));
        if (!limiter.tryAcquireAll(requests).allowed()) { // charges both policies or none
            return false;
        }
        if (!work.getAsBoolean()) {
            limiter.refund(USER, user, 1); // a failed export costs nothing
        }
        return true;
    }

    long remaining(String user) {
        return limiter.peek(USER, user, 0).remaining(); // takes no permits
    }

    void reset(String user) {
        limiter.reset(USER, user); // all permits are free again
    }
}
// end::exports[]
