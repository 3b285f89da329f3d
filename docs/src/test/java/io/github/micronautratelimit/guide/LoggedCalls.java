package io.github.micronautratelimit.guide;

import java.time.Duration;
import org.redisson.api.RRateLimiter;
import org.redisson.api.RateType;
import org.redisson.api.RedissonClient;

/** A limit with Redisson. */
final class LoggedCalls {

    private final RedissonClient redisson;

    LoggedCalls(RedissonClient redisson) {
        this.redisson = redisson;
    }

    // tag::log[]
    boolean mayCall(String user) {
        RRateLimiter calls = redisson.getRateLimiter("calls:" + user);
        calls.trySetRate(RateType.OVERALL, 10, Duration.ofMinutes(1));
        return calls.tryAcquire();
    }
    // end::log[]
}
