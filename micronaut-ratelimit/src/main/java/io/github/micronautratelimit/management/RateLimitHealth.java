package io.github.micronautratelimit.management;

import java.util.LinkedHashMap;
import java.util.Map;

import org.reactivestreams.Publisher;

import io.github.micronautratelimit.Guard;
import io.github.micronautratelimit.config.ChosenBackend;
import io.github.micronautratelimit.config.RateLimitConfiguration;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.util.StringUtils;
import io.micronaut.health.HealthStatus;
import io.micronaut.management.endpoint.health.HealthEndpoint;
import io.micronaut.management.health.indicator.HealthIndicator;
import io.micronaut.management.health.indicator.HealthResult;
import jakarta.inject.Singleton;
import reactor.core.publisher.Mono;

/** Tells the health endpoint which backend decides and whether its store can be asked. */
@Singleton
@RequiresRateLimit
@Requires(beans = HealthEndpoint.class)
@Requires(property = HealthEndpoint.PREFIX + ".ratelimit.enabled", notEquals = StringUtils.FALSE)
final class RateLimitHealth implements HealthIndicator {

    /** The application is up: on-error decides. Between UP and DOWN where several indicators are summed up. */
    static final HealthStatus DEGRADED = new HealthStatus("DEGRADED",
            "The rate limit store cannot be asked; each policy's on-error decides.", true, 500);

    private final ChosenBackend chosen;
    private final HealthStatus inOutage;

    RateLimitHealth(ChosenBackend chosen, RateLimitConfiguration configuration) {
        this.chosen = chosen;
        this.inOutage = configuration.getHealthInOutage() == RateLimitConfiguration.HealthInOutage.DOWN
                ? HealthStatus.DOWN : DEGRADED;
    }

    @Override
    public Publisher<HealthResult> getResult() {
        Map<String, Object> details = new LinkedHashMap<>();
        details.put("backend", chosen.name());
        Guard guard = chosen.guard();
        if (guard == null) {
            return result(HealthStatus.UP, details);
        }
        details.put("breaker", guard.breaker().getState().name());
        details.put("failures", guard.failures());
        details.put("defects", guard.defects());
        return result(guard.inOutage() ? inOutage : HealthStatus.UP, details);
    }

    private static Publisher<HealthResult> result(HealthStatus status, Map<String, Object> details) {
        return Mono.just(HealthResult.builder("ratelimit", status).details(details).build());
    }
}
