package io.github.micronautratelimit.observability;

import io.github.micronautratelimit.client.ClientCounts;
import io.github.micronautratelimit.client.LimitedCalls;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micronaut.configuration.metrics.annotation.RequiresMetrics;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.util.StringUtils;
import java.util.concurrent.TimeUnit;

/** Registers the counters of limited HTTP clients with Micrometer, which reads them when it is polled. */
@Context
@RequiresRateLimit
@RequiresMetrics
@Requires(classes = MeterRegistry.class)
@Requires(property = RateLimitMetrics.ENABLED, notEquals = StringUtils.FALSE, defaultValue = StringUtils.TRUE)
final class ClientMetrics {

    ClientMetrics(MeterRegistry registry, LimitedCalls calls) {
        for (ClientCounts counts : calls.counts()) {
            Tags tags = Tags.of("client", counts.client());
            FunctionCounter.builder("ratelimit.client.denials", counts, ClientCounts::denials)
                    .tags(tags)
                    .description("Calls that the service denied with 429, or with 503 and a time to wait.")
                    .register(registry);
            FunctionCounter.builder("ratelimit.client.held", counts, ClientCounts::held)
                    .tags(tags)
                    .description("Calls that failed because an answer of the service holds them back.")
                    .register(registry);
            FunctionCounter.builder("ratelimit.client.hold.time", counts, ClientMetrics::heldSeconds)
                    .tags(tags)
                    .baseUnit("seconds")
                    .description("Total time for which answers to this instance held calls back.")
                    .register(registry);
            FunctionCounter.builder("ratelimit.client.retries", counts, ClientCounts::retries)
                    .tags(tags)
                    .description("Repetitions of calls.")
                    .register(registry);
        }
    }

    private static double heldSeconds(ClientCounts counts) {
        return (double) counts.heldNanos() / TimeUnit.SECONDS.toNanos(1);
    }
}
