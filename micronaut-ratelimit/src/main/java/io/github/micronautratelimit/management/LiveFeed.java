package io.github.micronautratelimit.management;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.RateLimiter;
import io.micronaut.context.annotation.Context;
import io.micronaut.http.sse.Event;
import io.micronaut.runtime.ApplicationConfiguration;
import jakarta.annotation.PreDestroy;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * What the page shows, as events: first how things are, then every second what has happened. The numbers of a second are
 * put together once for all who watch, and a viewer who cannot keep up misses some.
 */
@Context
@RequiresDashboard
final class LiveFeed {

    /** The most who watch at once. */
    static final int MOST_VIEWERS = 20;

    private static final Logger LOG = LoggerFactory.getLogger(LiveFeed.class);
    private static final Duration TICK = Duration.ofSeconds(1);
    /** A viewer then connects anew: one whose connection has died unnoticed, or whose session is over, does not. */
    private static final Duration LONGEST = Duration.ofMinutes(15);
    private static final Duration RETRY = Duration.ofSeconds(2);
    private static final int TOP = 10;

    private final RateLimiter limiter;
    private final Overview overview;
    private final TopBlocked blocked;
    private final NearLimit nearLimit;
    private final StoreLatency latency;
    private final String application;
    private final Traffic traffic;
    private final Sinks.Many<Event<Map<String, Object>>> events = Sinks.many().multicast().directBestEffort();
    private final AtomicInteger viewers = new AtomicInteger();
    private final Disposable ticker;
    private @Nullable Map<String, Object> told;

    LiveFeed(RateLimiter limiter, Overview overview, TopBlocked blocked, NearLimit nearLimit, StoreLatency latency,
             ApplicationConfiguration application) {
        this.limiter = limiter;
        this.overview = overview;
        this.blocked = blocked;
        this.nearLimit = nearLimit;
        this.latency = latency;
        this.application = application.getName().orElse("");
        this.traffic = new Traffic(limiter.counts());
        this.ticker = Flux.interval(TICK).onBackpressureDrop().subscribe(tick -> tick());
    }

    /** The events for one viewer; if too many watch already, only one that says so. */
    Flux<Event<Map<String, Object>>> events() {
        return Flux.defer(() -> {
            if (viewers.incrementAndGet() > MOST_VIEWERS) {
                viewers.decrementAndGet();
                return Flux.just(event("full", Map.of("viewers", MOST_VIEWERS)));
            }
            return Flux.merge(Mono.fromSupplier(this::state), events.asFlux()).take(LONGEST)
                    .doFinally(end -> viewers.decrementAndGet());
        });
    }

    /** How many watch now. */
    int viewers() {
        return viewers.get();
    }

    private void tick() {
        try {
            Traffic.Second second = traffic.tick(System.currentTimeMillis());
            Map<String, Object> calls = latency.drain();
            if (viewers.get() == 0) {
                return;
            }
            Map<String, Object> policies = overview.policies();
            if (!policies.equals(told)) {
                told = policies;
                events.tryEmitNext(state());
            }
            events.tryEmitNext(event("second", second(second, calls)));
        } catch (RuntimeException e) {
            LOG.warn("A second is missing on the live page.", e);
        }
    }

    private Event<Map<String, Object>> state() {
        Map<String, Object> state = new LinkedHashMap<>();
        state.put("application", application);
        state.put("policies", overview.policies());
        state.put("seconds", traffic.seconds().stream().map(Traffic.Second::toMap).toList());
        return event("state", state);
    }

    private Map<String, Object> second(Traffic.Second second, Map<String, Object> calls) {
        Map<String, Object> now = second.toMap();
        LimiterStats stats = limiter.stats();
        now.put("latency", calls);
        if (stats.store() != null) {
            now.put("store", toMap(stats.store()));
        }
        if (stats.memory() != null) {
            now.put("liveKeys", stats.memory().liveKeys());
        }
        now.put("topBlocked", told(blocked.most(TOP)));
        now.put("nearLimit", told(nearLimit.most(TOP)));
        return now;
    }

    private static Map<String, Object> toMap(LimiterStats.Store store) {
        Map<String, Object> told = new LinkedHashMap<>();
        told.put("name", store.name());
        told.put("breaker", store.breaker());
        told.put("inOutage", store.inOutage());
        told.put("failures", store.failures());
        told.put("defects", store.defects());
        return told;
    }

    private static List<Map<String, Object>> told(List<HeavyHitters.Hitter> hitters) {
        return hitters.stream().map(Overview::toMap).toList();
    }

    private static Event<Map<String, Object>> event(String name, Map<String, Object> data) {
        return Event.of(data).name(name).retry(RETRY);
    }

    @PreDestroy
    void close() {
        ticker.dispose();
        events.tryEmitComplete();
    }
}
