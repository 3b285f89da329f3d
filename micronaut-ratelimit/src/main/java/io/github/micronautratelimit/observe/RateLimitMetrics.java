package io.github.micronautratelimit.observe;

import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;

import io.github.micronautratelimit.DecisionCounts.Series;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micronaut.configuration.metrics.annotation.RequiresMetrics;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.util.StringUtils;

/**
 * Shows the limiter's numbers to Micrometer. No decision touches a meter: the limiter counts, and meters read its counts
 * when somebody looks. Tags are policies, of which there is a bound, and what there are few of; never a key.
 */
@Context
@RequiresRateLimit
@RequiresMetrics
@Requires(classes = MeterRegistry.class)
@Requires(property = RateLimitMetrics.ENABLED, notEquals = StringUtils.FALSE, defaultValue = StringUtils.TRUE)
final class RateLimitMetrics {

    static final String ENABLED = "micronaut.metrics.binders.ratelimit.enabled";

    private final MeterRegistry registry;
    private final RateLimiter limiter;

    RateLimitMetrics(MeterRegistry registry, RateLimiter limiter) {
        this.registry = registry;
        this.limiter = limiter;
        LimiterStats stats = limiter.stats();
        counter("ratelimit.listener.failures", "What listeners threw.", LimiterStats::listenerFailures);
        counter("ratelimit.listener.dropped", "Events that listeners were too slow for.", LimiterStats::eventsDropped);
        if (stats.memory() != null) {
            showMemory();
        }
        if (stats.store() != null) {
            showStore(stats.store().name());
        }
        if (stats.leases() != null) {
            showLeases();
        }
        if (stats.sharing() != null) {
            showSharing();
        }
        limiter.counts().forEach(this::show);
    }

    private void show(Series series) {
        Tags where = Tags.of("policy", series.policy(), "source", lowerCase(series.source()),
                "limit_type", lowerCase(series.type()));
        Tags tags = where.and("outcome", series.allowed() ? "allowed" : "denied");
        FunctionCounter.builder("ratelimit.decisions", series, Series::decisions).tags(tags)
                .description("Decisions.").register(registry);
        FunctionCounter.builder("ratelimit.permits", series, Series::permits).tags(tags)
                .description("Permits asked for.").register(registry);
        if (series.allowed()) {
            FunctionCounter.builder("ratelimit.near.limit", series, Series::nearLimit).tags(where)
                    .description("Grants that left 80 % of a limit used.").register(registry);
        }
    }

    private static String lowerCase(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    private void showMemory() {
        gauge("ratelimit.keys.live", "Keys in memory.", stats -> stats.memory().liveKeys(), Tags.empty());
        counter("ratelimit.keys.over.bound", "Decisions on keys that had to share a counter.",
                stats -> stats.memory().sharedDecisions());
    }

    private void showStore(String name) {
        Tags backend = Tags.of("backend", name);
        counter("ratelimit.deny.cache.hits", "Denials by the deny cache.", LimiterStats::denyCacheHits);
        counter("ratelimit.local.limit.denials", "Denials by local limits.", LimiterStats::localLimitDenials);
        counter("ratelimit.store.failures", "Calls to the store that failed or were late.",
                stats -> stats.store().failures(), backend);
        counter("ratelimit.store.defects", "Calls that the store cannot do.", stats -> stats.store().defects(), backend);
        counter("ratelimit.breaker.transitions", "Changes of the circuit breaker's state.",
                stats -> stats.store().transitions(), backend);
        for (CircuitBreaker.State state : CircuitBreaker.State.values()) {
            gauge("ratelimit.breaker.state", "1 for the state that the circuit breaker is in.",
                    stats -> stats.store().breaker().equals(state.name()) ? 1 : 0, backend.and("state", lowerCase(state)));
        }
        gauge("ratelimit.outage", "1 while on-error answers.", stats -> stats.store().inOutage() ? 1 : 0, backend);
        FunctionCounter.builder("ratelimit.fallback.time", limiter,
                        each -> (double) each.stats().store().outage().toNanos() / TimeUnit.SECONDS.toNanos(1))
                .baseUnit("seconds").tags(backend).description("How long on-error has been answering.").register(registry);
    }

    private void showLeases() {
        gauge("ratelimit.lease.held", "Permits taken ahead and not granted yet.", stats -> stats.leases().held(),
                Tags.empty());
        counter("ratelimit.lease.taken", "Permits taken ahead.", stats -> stats.leases().taken());
        counter("ratelimit.lease.granted", "Permits granted out of those taken ahead.",
                stats -> stats.leases().granted());
        counter("ratelimit.lease.returned", "Permits taken ahead and given back.", stats -> stats.leases().returned());
        counter("ratelimit.lease.lapsed", "Permits taken ahead and lost to everybody.", stats -> stats.leases().lapsed());
    }

    private void showSharing() {
        counter("ratelimit.coalescing.decisions", "Requests that may share calls to the store.",
                stats -> stats.sharing().decisions());
        counter("ratelimit.coalescing.calls", "Calls made for them.", stats -> stats.sharing().calls());
        gauge("ratelimit.coalescing.ratio", "Requests a call decides, since the start.",
                stats -> stats.sharing().ratio(), Tags.empty());
    }

    private void counter(String name, String description, ToDoubleFunction<LimiterStats> value) {
        counter(name, description, value, Tags.empty());
    }

    private void counter(String name, String description, ToDoubleFunction<LimiterStats> value, Tags tags) {
        FunctionCounter.builder(name, limiter, each -> value.applyAsDouble(each.stats())).tags(tags)
                .description(description).register(registry);
    }

    private void gauge(String name, String description, ToDoubleFunction<LimiterStats> value, Tags tags) {
        Gauge.builder(name, limiter, each -> value.applyAsDouble(each.stats())).tags(tags)
                .description(description).register(registry);
    }
}
