package io.github.micronautratelimit.management;

import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.management.HeavyHitters.Hitter;
import io.github.micronautratelimit.web.ConfigurationWarning;
import io.github.micronautratelimit.web.ConfigurationWarnings;
import io.micronaut.context.annotation.Context;
import io.micronaut.http.sse.Event;
import io.micronaut.runtime.ApplicationConfiguration;
import jakarta.annotation.PreDestroy;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * The event stream of the live page: an event {@code state} with the policies and the last two minutes, then an event
 * {@code second} every second. The events are built once for all viewers. A viewer that is too slow misses events.
 *
 * <p>The events contain hashes of keys only if there is a secret.
 */
@Context
@RequiresDashboard
final class LiveFeed {

    /** The most viewers at a time. */
    static final int MAX_VIEWERS = 20;

    private static final Logger LOG = LoggerFactory.getLogger(LiveFeed.class);
    private static final Duration TICK = Duration.ofSeconds(1);
    /**
     * The end of a stream makes the browser reconnect, which fails if the connection is dead or the session is over.
     */
    private static final Duration MAX_STREAM = Duration.ofMinutes(15);

    private static final Duration RETRY = Duration.ofSeconds(2);
    private static final int TOP = 10;
    /** At most {@code TOP} reads of the store in this number of seconds, while there are viewers. */
    private static final int DEBT_TICKS = 5;

    private final RateLimiter limiter;
    private final PolicyReport report;
    private final TopDeniedKeys denied;
    private final KeyDebts debts;
    private final NearLimitKeys nearLimit;
    private final TopTrialKeys onTrial;
    private final StoreLatency latency;
    /** {@code true} if hashes of keys may leave this process. Without a secret, an address is found from its hash. */
    private final boolean hasSecret;

    private final String application;
    private final DecisionHistory history;
    private final Sinks.Many<Event<Map<String, Object>>> events =
            Sinks.many().multicast().directBestEffort();
    private final AtomicInteger viewers = new AtomicInteger();
    private final Disposable ticker;
    private @Nullable Map<String, Object> sentPolicies;
    private int ticks;

    LiveFeed(
            RateLimiter limiter,
            PolicyReport report,
            TopDeniedKeys denied,
            KeyDebts debts,
            NearLimitKeys nearLimit,
            TopTrialKeys onTrial,
            StoreLatency latency,
            ApplicationConfiguration application,
            ConfigurationWarnings warnings,
            KeyHash.@Nullable Secret secret) {
        this.limiter = limiter;
        this.report = report;
        this.denied = denied;
        this.debts = debts;
        this.nearLimit = nearLimit;
        this.onTrial = onTrial;
        this.latency = latency;
        this.hasSecret = secret != null;
        if (!hasSecret) {
            warnings.warn(ConfigurationWarning.LIVE_PAGE_WITHOUT_KEYS);
        }
        this.application = application.getName().orElse("");
        this.history = new DecisionHistory(limiter.counts());
        this.ticker = Flux.interval(TICK).onBackpressureDrop().subscribe(tick -> tick());
    }

    /** Returns the events for one viewer; if there are too many viewers, a single event {@code full}. */
    Flux<Event<Map<String, Object>>> events() {
        return Flux.defer(() -> {
            if (viewers.incrementAndGet() > MAX_VIEWERS) {
                viewers.decrementAndGet();
                return Flux.just(event("full", Map.of("viewers", MAX_VIEWERS)));
            }
            return Flux.merge(Mono.fromSupplier(this::state), events.asFlux())
                    .take(MAX_STREAM)
                    .doFinally(end -> viewers.decrementAndGet());
        });
    }

    /** Returns the current number of viewers. */
    int viewers() {
        return viewers.get();
    }

    private void tick() {
        try {
            DecisionHistory.Second second = history.tick(System.currentTimeMillis());
            Map<String, Object> calls = latency.drain();
            if (viewers.get() == 0) {
                return;
            }
            Map<String, Object> policies = report.policies(hasSecret);
            if (!policies.equals(sentPolicies)) {
                sentPolicies = policies;
                events.tryEmitNext(state());
            }
            events.tryEmitNext(event("second", second(second, calls)));
        } catch (RuntimeException e) {
            LOG.warn("The live page misses the data of one second.", e);
        }
    }

    private Event<Map<String, Object>> state() {
        Map<String, Object> state = new LinkedHashMap<>();
        state.put("application", application);
        state.put("keysHidden", !hasSecret);
        state.put("policies", report.policies(hasSecret));
        state.put(
                "seconds",
                history.seconds().stream().map(DecisionHistory.Second::toMap).toList());
        return event("state", state);
    }

    private Map<String, Object> second(DecisionHistory.Second second, Map<String, Object> calls) {
        Map<String, Object> map = second.toMap();
        LimiterStats stats = limiter.stats();
        map.put("latency", calls);
        if (stats.store() != null) {
            map.put("store", toMap(stats.store()));
        }
        if (stats.memory() != null) {
            map.put("liveKeys", stats.memory().liveKeys());
        }
        map.put("topDenied", hasSecret ? topDenied() : List.of());
        map.put("nearLimit", hasSecret ? PolicyReport.toList(nearLimit.top(TOP)) : List.of());
        map.put("onTrial", hasSecret ? PolicyReport.toList(onTrial.top(TOP)) : List.of());
        return map;
    }

    /** Returns the most denied keys with their debts, which are read from the store every few seconds. */
    private List<Map<String, Object>> topDenied() {
        List<Hitter> top = denied.top(TOP);
        if (ticks++ % DEBT_TICKS == 0) {
            debts.refresh(limiter, top);
        }
        List<Map<String, Object>> list = PolicyReport.toList(top);
        for (int i = 0; i < top.size(); i++) {
            long debt = debts.of(top.get(i));
            if (debt > 0) {
                list.get(i).put("debt", debt);
            }
        }
        return list;
    }

    private static Map<String, Object> toMap(LimiterStats.Store store) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("name", store.name());
        map.put("breaker", store.breaker());
        map.put("inOutage", store.inOutage());
        map.put("failures", store.failures());
        map.put("permanentFailures", store.permanentFailures());
        return map;
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
