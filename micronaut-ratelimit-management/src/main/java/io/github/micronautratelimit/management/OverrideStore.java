package io.github.micronautratelimit.management;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend.SharedRecord;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.configuration.OperatorOverridesConfiguration;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.factory.SelectedBackend;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.policy.OperatorOverrides;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.micronaut.context.event.ApplicationEventListener;
import io.micronaut.context.event.StartupEvent;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.TaskScheduler;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads the limits that operators have set from the store, again and again, and replaces them there. If the store
 * fails, the last known limits stay in force until they end. No decision calls the store for them.
 */
@Singleton
@RequiresRateLimit
final class OverrideStore implements ApplicationEventListener<StartupEvent> {

    private static final Logger LOG = LoggerFactory.getLogger(OverrideStore.class);

    private static final String RECORD = "overrides";
    /** The time of each call; an operator waits for it, and no request does. */
    private static final Duration DEADLINE = Duration.ofSeconds(2);
    /** Concurrent operators retry. */
    private static final int ATTEMPTS = 10;

    private final SharedRecord stored;
    private final PolicyRegistry policies;
    private final RateLimiter limiter;
    private final TaskScheduler scheduler;
    private final Duration interval;
    private final MicroClock clock;
    private final AtomicBoolean reading = new AtomicBoolean();
    private final AtomicBoolean failed = new AtomicBoolean();

    OverrideStore(
            SelectedBackend selected,
            PolicyRegistry policies,
            RateLimiter limiter,
            MicroClock clock,
            @Named(TaskExecutors.SCHEDULED) TaskScheduler scheduler,
            OperatorOverridesConfiguration configuration) {
        this.stored = selected.backend().sharedRecord(RECORD);
        this.policies = policies;
        this.limiter = limiter;
        this.clock = clock;
        this.scheduler = scheduler;
        this.interval = configuration.getPollInterval();
    }

    @Override
    public void onApplicationEvent(StartupEvent event) {
        if (isEnabled()) {
            poll();
            scheduler.scheduleWithFixedDelay(interval, interval, this::poll);
        }
    }

    boolean isEnabled() {
        return !interval.isZero();
    }

    /** Returns the time after which other instances apply a change, if the store answers. */
    Duration interval() {
        return interval;
    }

    /** Returns the overrides that this instance knows. */
    OperatorOverrides known() {
        return policies.operatorOverrides();
    }

    /** Returns the present time, in which overrides end. */
    Instant now() {
        return Instant.EPOCH.plus(clock.micros(), ChronoUnit.MICROS);
    }

    /** Reads the overrides, unless an earlier read has not been answered. */
    void poll() {
        policies.replaceOperatorOverrides(policies.operatorOverrides().at(now()), limiter::keyHash);
        if (!reading.compareAndSet(false, true)) {
            return;
        }
        read().whenComplete((overrides, failure) -> {
            reading.set(false);
            if (failure == null) {
                failed.set(false);
                apply(overrides);
            } else if (!isUnsupported(Futures.unwrap(failure)) && failed.compareAndSet(false, true)) {
                LOG.warn(
                        "The limits that operators have set cannot be read. The last known ones stay in force: {}",
                        Futures.unwrap(failure).toString());
            }
        });
    }

    /** A backend of the application may keep no records; then the endpoint says so to an operator who sets limits. */
    private static boolean isUnsupported(Throwable failure) {
        return failure.getCause() instanceof UnsupportedOperationException;
    }

    private CompletionStage<OperatorOverrides> read() {
        return timely(Futures.call(stored::read)).thenApply(this::parsed);
    }

    private OperatorOverrides parsed(String text) {
        return OperatorOverrides.parse(text).at(now()).hashedWith(limiter.keyHash(RECORD));
    }

    private void apply(OperatorOverrides overrides) {
        policies.replaceOperatorOverrides(overrides.at(now()), limiter::keyHash);
    }

    /**
     * Changes the overrides in the store, and on this instance at once.
     *
     * @param change returns the new overrides for the present ones; called again if another operator was faster
     * @return completes with the overrides before the change; fails if the store fails
     */
    CompletionStage<OperatorOverrides> change(UnaryOperator<OperatorOverrides> change) {
        return change(change, ATTEMPTS);
    }

    private CompletionStage<OperatorOverrides> change(UnaryOperator<OperatorOverrides> change, int attempts) {
        return timely(Futures.call(stored::read)).thenCompose(text -> {
            OperatorOverrides before = parsed(text);
            OperatorOverrides after = change.apply(before);
            return timely(Futures.call(() -> stored.replace(text, after.text())))
                    .thenCompose(replaced -> {
                        if (replaced) {
                            apply(after);
                            return CompletableFuture.completedStage(before);
                        }
                        return attempts > 1
                                ? change(change, attempts - 1)
                                : CompletableFuture.failedStage(new IllegalStateException(
                                        "Other operators change the overrides at the same time."));
                    });
        });
    }

    private static <T> CompletableFuture<T> timely(CompletionStage<T> stage) {
        return stage.toCompletableFuture().copy().orTimeout(DEADLINE.toMillis(), TimeUnit.MILLISECONDS);
    }
}
