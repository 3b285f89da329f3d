package io.github.micronautratelimit.observability;

import io.github.micronautratelimit.DecisionCounts.Series;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.LimiterStats.Coalescing;
import io.github.micronautratelimit.LimiterStats.Memory;
import io.github.micronautratelimit.LimiterStats.Prefetch;
import io.github.micronautratelimit.LimiterStats.Store;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micronaut.configuration.metrics.annotation.RequiresMetrics;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.util.StringUtils;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * Registers the statistics of the limiter with Micrometer. Decisions do not update meters: the limiter counts, and
 * meters read its counts when they are polled. Tags have few values, and the number of policies is bounded. A key is
 * never a tag.
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
        Section<LimiterStats> all = new Section<>(current -> current, Tags.empty());
        all.counter("ratelimit.listener.failures", "Exceptions of listeners.", LimiterStats::listenerFailures);
        all.counter(
                "ratelimit.listener.dropped",
                "Events dropped because listeners were too slow.",
                LimiterStats::eventsDropped);
        all.gauge("ratelimit.waiting", "Callers that wait in turn.", LimiterStats::waiting);
        if (stats.memory() != null) {
            registerMemory(new Section<>(LimiterStats::memory, Tags.empty()));
        }
        if (stats.store() != null) {
            all.counter("ratelimit.deny.cache.hits", "Denials by the deny cache.", LimiterStats::denyCacheHits);
            all.counter("ratelimit.local.limit.denials", "Denials by local limits.", LimiterStats::localLimitDenials);
            registerStore(stats.store().name());
        }
        if (stats.prefetch() != null) {
            registerPrefetch(new Section<>(LimiterStats::prefetch, Tags.empty()));
        }
        if (stats.coalescing() != null) {
            registerCoalescing(new Section<>(LimiterStats::coalescing, Tags.empty()));
        }
        limiter.counts().forEach(this::registerSeries);
    }

    /** A part of the statistics, read each time a meter is polled. A missing part reads as 0. */
    private final class Section<S> {

        private final Function<LimiterStats, @Nullable S> section;
        private final Tags tags;

        Section(Function<LimiterStats, @Nullable S> section, Tags tags) {
            this.section = section;
            this.tags = tags;
        }

        private double read(RateLimiter source, ToDoubleFunction<S> value) {
            S current = section.apply(source.stats());
            return current == null ? 0 : value.applyAsDouble(current);
        }

        void counter(String name, String description, ToDoubleFunction<S> value) {
            FunctionCounter.builder(name, limiter, source -> read(source, value))
                    .tags(tags)
                    .description(description)
                    .register(registry);
        }

        void secondsCounter(String name, String description, ToDoubleFunction<S> value) {
            FunctionCounter.builder(name, limiter, source -> read(source, value))
                    .baseUnit("seconds")
                    .tags(tags)
                    .description(description)
                    .register(registry);
        }

        void gauge(String name, String description, ToDoubleFunction<S> value) {
            gauge(name, description, value, Tags.empty());
        }

        void gauge(String name, String description, ToDoubleFunction<S> value, Tags more) {
            Gauge.builder(name, limiter, source -> read(source, value))
                    .tags(tags.and(more))
                    .description(description)
                    .register(registry);
        }
    }

    private void registerSeries(Series series) {
        Tags withoutOutcome = Tags.of(
                "policy", series.policy(), "source", lowerCase(series.source()), "origin", lowerCase(series.origin()));
        Tags tags = withoutOutcome.and("outcome", outcome(series));
        FunctionCounter.builder("ratelimit.decisions", series, Series::decisions)
                .tags(tags)
                .description("Decisions.")
                .register(registry);
        FunctionCounter.builder("ratelimit.permits", series, Series::permits)
                .tags(tags)
                .description("Permits of the requests.")
                .register(registry);
        if (series.shadow()) {
            return;
        }
        registerCandidate(series, tags);
        if (!series.allowed()) {
            FunctionCounter.builder("ratelimit.blocks", series, Series::blocks)
                    .tags(tags)
                    .description("Denials that a block of the key followed.")
                    .register(registry);
        } else {
            FunctionCounter.builder("ratelimit.near.limit", series, Series::nearLimit)
                    .tags(withoutOutcome)
                    .description("Grants that left 80 % of a limit used.")
                    .register(registry);
            FunctionCounter.builder("ratelimit.permits.refunded", series, Series::refundedPermits)
                    .tags(withoutOutcome)
                    .description("Permits of requests that were given back.")
                    .register(registry);
            registerSettlements(series, withoutOutcome);
        }
    }

    private static String outcome(Series series) {
        if (series.shadow()) {
            return series.allowed() ? "shadow_allowed" : "shadow_denied";
        }
        return series.allowed() ? "allowed" : series.unavailable() ? "unavailable" : "denied";
    }

    private void registerCandidate(Series series, Tags tags) {
        String description = "Decisions that the candidate of a policy would have made.";
        FunctionCounter.builder("ratelimit.candidate", series, Series::allowedByCandidate)
                .tags(tags.and("candidate", "allowed"))
                .description(description)
                .register(registry);
        FunctionCounter.builder("ratelimit.candidate", series, Series::deniedByCandidate)
                .tags(tags.and("candidate", "denied"))
                .description(description)
                .register(registry);
    }

    private void registerSettlements(Series series, Tags tags) {
        String description = "Permits by which settlements corrected estimates.";
        FunctionCounter.builder("ratelimit.permits.settled", series, Series::settledBelow)
                .tags(tags.and("direction", "refunded"))
                .description(description)
                .register(registry);
        FunctionCounter.builder("ratelimit.permits.settled", series, Series::settledBeyond)
                .tags(tags.and("direction", "charged"))
                .description(description)
                .register(registry);
    }

    private static String lowerCase(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    private static void registerMemory(Section<Memory> memory) {
        memory.gauge("ratelimit.keys.live", "Keys in memory.", Memory::liveKeys);
        memory.counter(
                "ratelimit.keys.over.bound", "Decisions on keys that had to share a counter.", Memory::sharedDecisions);
    }

    private void registerStore(String name) {
        Section<Store> store = new Section<>(LimiterStats::store, Tags.of("backend", name));
        store.counter(
                "ratelimit.store.failures",
                "Calls to the store that failed or passed their deadline.",
                Store::failures);
        store.counter(
                "ratelimit.store.errors.permanent",
                "Calls to the store that failed permanently.",
                Store::permanentFailures);
        store.counter(
                "ratelimit.permits.uncharged",
                "Permits granted by on-error that will not be charged to the store.",
                Store::unchargedPermits);
        store.counter("ratelimit.breaker.transitions", "Changes of the circuit breaker's state.", Store::transitions);
        for (CircuitBreaker.State state : CircuitBreaker.State.values()) {
            store.gauge(
                    "ratelimit.breaker.state",
                    "1 for the state that the circuit breaker is in.",
                    current -> current.breaker().equals(state.name()) ? 1 : 0,
                    Tags.of("state", lowerCase(state)));
        }
        store.gauge(
                "ratelimit.outage",
                "1 during an outage of the store or a part of it.",
                current -> current.inOutage() ? 1 : 0);
        store.secondsCounter(
                "ratelimit.fallback.time",
                "Total time of all outages.",
                current -> (double) current.outage().toNanos() / TimeUnit.SECONDS.toNanos(1));
    }

    private static void registerPrefetch(Section<Prefetch> prefetch) {
        prefetch.gauge("ratelimit.prefetch.held", "Prefetched permits that are not granted yet.", Prefetch::held);
        prefetch.counter("ratelimit.prefetch.taken", "Permits that were prefetched.", Prefetch::taken);
        prefetch.counter("ratelimit.prefetch.granted", "Prefetched permits that were granted.", Prefetch::granted);
        prefetch.counter("ratelimit.prefetch.returned", "Prefetched permits that were refunded.", Prefetch::returned);
        prefetch.counter(
                "ratelimit.prefetch.expired",
                "Prefetched permits that were neither granted nor refunded.",
                Prefetch::expired);
    }

    private static void registerCoalescing(Section<Coalescing> coalescing) {
        coalescing.counter(
                "ratelimit.coalescing.decisions", "Requests that share calls to the store.", Coalescing::decisions);
        coalescing.counter("ratelimit.coalescing.calls", "Calls to the store for these requests.", Coalescing::calls);
        coalescing.gauge("ratelimit.coalescing.ratio", "Average requests per call since the start.", Coalescing::ratio);
    }
}
