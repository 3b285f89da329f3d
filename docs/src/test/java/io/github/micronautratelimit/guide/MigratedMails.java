package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;

/** The replacements of other libraries in the chapter on migration. */
final class MigratedMails {

    private final RateLimiter limiter;

    MigratedMails(RateLimiter limiter) {
        this.limiter = limiter;
    }

    // tag::bucket[]
    private static final Policy MAILS = Policy.of("mails", "10/min burst 20");

    boolean maySend(String user) {
        return limiter.tryAcquire(MAILS, user).allowed();
    }
    // end::bucket[]

    // tag::periods[]
    private static final Policy REPORTS = Policy.of("reports", "10/h fixed");

    boolean mayReport(String user) {
        return limiter.tryAcquire(REPORTS, user).allowed();
    }
    // end::periods[]

    // tag::log[]
    private static final Policy CALLS = Policy.of("calls", "10/min sliding");

    boolean mayCall(String user) {
        return limiter.tryAcquire(CALLS, user).allowed();
    }
    // end::log[]
}
