package io.github.micronautratelimit.observability;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.observe.StoreListener;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.micronaut.configuration.metrics.annotation.RequiresMetrics;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.util.StringUtils;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/** Times store calls. Each timer is looked up in the registry once. */
@Singleton
@RequiresRateLimit
@RequiresMetrics
@Requires(classes = MeterRegistry.class)
@Requires(property = RateLimitMetrics.ENABLED, notEquals = StringUtils.FALSE, defaultValue = StringUtils.TRUE)
final class StoreTimer implements StoreListener {

    private static final int OUTCOMES = Outcome.values().length;
    private static final Duration[] BUCKETS = {
        Duration.ofMillis(1),
        Duration.ofMillis(2),
        Duration.ofMillis(5),
        Duration.ofMillis(10),
        Duration.ofMillis(25),
        Duration.ofMillis(50),
        Duration.ofMillis(100),
        Duration.ofMillis(250),
        Duration.ofSeconds(1)
    };

    private final MeterRegistry registry;
    private final Map<String, AtomicReferenceArray<@Nullable Timer>> timers = new ConcurrentHashMap<>();

    StoreTimer(MeterRegistry registry) {
        this.registry = registry;
    }

    @Override
    public StoreCall onCall(String store, Operation operation, List<Policy> policies) {
        return (outcome, duration, failure) -> timer(store, operation, outcome).record(duration);
    }

    private Timer timer(String store, Operation operation, Outcome outcome) {
        AtomicReferenceArray<@Nullable Timer> ofStore =
                timers.computeIfAbsent(store, name -> new AtomicReferenceArray<>(Operation.values().length * OUTCOMES));
        int index = operation.ordinal() * OUTCOMES + outcome.ordinal();
        Timer timer = ofStore.get(index);
        if (timer == null) {
            // Threads may race here: the registry returns the same timer for the same name and tags.
            timer = Timer.builder("ratelimit.store")
                    .description("Calls to the store.")
                    .tags(
                            "backend",
                            store,
                            "operation",
                            operation.name().toLowerCase(Locale.ROOT),
                            "outcome",
                            outcome.name().toLowerCase(Locale.ROOT))
                    .serviceLevelObjectives(BUCKETS)
                    .register(registry);
            ofStore.set(index, timer);
        }
        return timer;
    }
}
