package io.github.micronautratelimit.guide;

import io.github.resilience4j.ratelimiter.RateLimiter;
import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** A limit with Resilience4j. */
final class PeriodReports {

    // tag::periods[]
    private static final RateLimiterConfig CONFIG = RateLimiterConfig.custom()
            .limitForPeriod(10)
            .limitRefreshPeriod(Duration.ofHours(1))
            .timeoutDuration(Duration.ZERO)
            .build();

    private final Map<String, RateLimiter> limiters = new ConcurrentHashMap<>();

    boolean mayReport(String user) {
        return limiters.computeIfAbsent(user, each -> RateLimiter.of(each, CONFIG))
                .acquirePermission();
    }
    // end::periods[]
}
