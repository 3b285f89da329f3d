package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import jakarta.inject.Singleton;

// tag::mails[]
@Singleton
class Mails {

    private static final Policy MAILS = Policy.of("mails", "2/day");

    private final RateLimiter limiter;

    Mails(RateLimiter limiter) {
        this.limiter = limiter;
    }

    String send(String user) {
        Decision decision = limiter.tryAcquire(MAILS, user);
        if (decision instanceof Decision.Denied denied) {
            return denied.retryAfter()
                    .map(wait -> "again in " + wait.toHours() + " h")
                    .orElse("never");
        }
        return "sent";
    }
}
// end::mails[]
