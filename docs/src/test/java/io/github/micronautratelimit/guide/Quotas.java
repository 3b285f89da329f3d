package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.limit.Limit;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.concurrent.CompletionStage;

@Singleton
class Quotas {

    private final RateLimiter limiter;

    Quotas(RateLimiter limiter) {
        this.limiter = limiter;
    }

    // tag::usage[]
    private static final Policy PLAN = Policy.of("plan", "1000/month from 31 Europe/Berlin; 10/s");

    String usedThisMonth(String customer) {
        Limit.Usage month = limiter.usage(PLAN, customer).get(0); // the limits are in the order of the policy
        return month.used() + " of " + month.limit().permits() + ", more from " + month.resetsAt();
    }

    CompletionStage<List<Limit.Usage>> usageLater(String customer) {
        return limiter.async().usage(PLAN, customer); // waits for nothing
    }
    // end::usage[]

    boolean call(String customer, long permits) {
        return limiter.tryAcquire(PLAN, customer, permits).allowed();
    }
}
