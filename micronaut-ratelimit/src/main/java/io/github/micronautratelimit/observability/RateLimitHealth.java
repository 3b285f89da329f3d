package io.github.micronautratelimit.observability;

import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.factory.SelectedBackend;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.util.StringUtils;
import io.micronaut.health.HealthStatus;
import io.micronaut.management.endpoint.health.HealthEndpoint;
import io.micronaut.management.health.indicator.HealthIndicator;
import io.micronaut.management.health.indicator.HealthResult;
import jakarta.inject.Singleton;
import java.util.LinkedHashMap;
import java.util.Map;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;

/** Reports the backend and the state of its store to the health endpoint. */
@Singleton
@RequiresRateLimit
@Requires(beans = HealthEndpoint.class)
@Requires(property = HealthEndpoint.PREFIX + ".ratelimit.enabled", notEquals = StringUtils.FALSE)
final class RateLimitHealth implements HealthIndicator {

    /** Operational, because on-error decides. Its severity is between those of UP and DOWN. */
    static final HealthStatus DEGRADED = new HealthStatus(
            "DEGRADED", "The rate limit store is unavailable. The on-error setting of each policy decides.", true, 500);

    private final SelectedBackend selected;
    private final RateLimiter limiter;
    private final HealthStatus inOutage;

    RateLimitHealth(SelectedBackend selected, RateLimiter limiter, RateLimitConfiguration configuration) {
        this.selected = selected;
        this.limiter = limiter;
        this.inOutage = configuration.getHealthInOutage() == RateLimitConfiguration.HealthInOutage.DOWN
                ? HealthStatus.DOWN
                : DEGRADED;
    }

    @Override
    public Publisher<HealthResult> getResult() {
        Map<String, Object> details = new LinkedHashMap<>();
        details.put("backend", selected.name());
        LimiterStats.Store store = limiter.stats().store();
        if (store == null) {
            return result(HealthStatus.UP, details);
        }
        details.put("breaker", store.breaker());
        details.put("failures", store.failures());
        details.put("permanentFailures", store.permanentFailures());
        return result(store.inOutage() ? inOutage : HealthStatus.UP, details);
    }

    private static Publisher<HealthResult> result(HealthStatus status, Map<String, Object> details) {
        return Mono.just(
                HealthResult.builder("ratelimit", status).details(details).build());
    }
}
