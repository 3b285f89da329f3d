package io.github.micronautratelimit;

import io.github.micronautratelimit.guard.Guard;
import io.github.micronautratelimit.hotkey.Coalescer;
import io.github.micronautratelimit.hotkey.DenyCache;
import io.github.micronautratelimit.hotkey.LocalLimit;
import io.github.micronautratelimit.hotkey.PermitSource;
import io.github.micronautratelimit.hotkey.PrefetchingBackend;
import io.github.micronautratelimit.internal.Scheduler;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.observe.ObservedBackend;
import io.github.micronautratelimit.observe.StoreListener;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * Assembles a {@link RateLimiter}: the one place that knows the order of its layers. From the caller to the store:
 *
 * <ol>
 *   <li>{@link DenyCache}: denies what the store has denied, until the instant the store named</li>
 *   <li>{@link LocalLimit}: limits the calls of this instance for one key</li>
 *   <li>{@link PrefetchingBackend}: grants prefetched permits</li>
 *   <li>{@link Guard}: deadline, circuit breaker and fallback</li>
 *   <li>{@link Coalescer}: callers of one key share calls</li>
 *   <li>{@link ObservedBackend}: reports calls to the store</li>
 * </ol>
 *
 * <p>A backend in memory gets none of them, because it neither waits nor fails. Not thread-safe.
 */
public final class RateLimiterBuilder {

    private static final Duration DEFAULT_DENY_CACHE = Duration.ofSeconds(1);

    private final RateLimitBackend backend;
    private String name;
    private @Nullable Duration deadline;
    private int instances = 1;
    private Duration denyCache = DEFAULT_DENY_CACHE;
    private boolean guarded;
    private boolean coalescing;
    private boolean warmUp;
    private MicroClock clock = MicroClock.system();
    private List<? extends RateLimitListener> listeners = List.of();
    private List<? extends StoreListener> storeListeners = List.of();
    private KeyHash.@Nullable Secret secret;
    private WaitingQueues.Options waiting = WaitingQueues.Options.DEFAULTS;

    RateLimiterBuilder(RateLimitBackend backend) {
        this.backend = backend;
        this.name = backend.getClass().getSimpleName();
        this.guarded = !backend.isLocal();
        this.coalescing = backend.prefersCoalescing();
    }

    static RateLimiter inMemory() {
        return new RateLimiterBuilder(new MemoryBackend()).build();
    }

    /**
     * Sets the name of the store in logs, statistics and its circuit breaker. The default is the class of the backend.
     *
     * @param value any text
     * @return this
     */
    public RateLimiterBuilder name(String value) {
        name = value;
        return this;
    }

    /**
     * Sets the most time that a call to the store may take. The default is {@link RateLimitBackend#deadline()}. The
     * deadline of a policy takes precedence.
     *
     * @param value 1 ms or more
     * @return this
     */
    public RateLimiterBuilder deadline(Duration value) {
        deadline = value;
        return this;
    }

    /**
     * Sets the number of instances that share the store. During an outage, each instance grants its share of a limit.
     * The default is 1.
     *
     * @param value 1 to {@link Guard#MAX_INSTANCES}
     * @return this
     */
    public RateLimiterBuilder instances(int value) {
        instances = value;
        return this;
    }

    /**
     * Sets how long a denial is cached at most. The default is 1 s.
     *
     * @param value zero to call the store for every request
     * @return this
     */
    public RateLimiterBuilder denyCache(Duration value) {
        denyCache = value;
        return this;
    }

    /**
     * Lets callers of one key share calls to the store. The default is {@link RateLimitBackend#prefersCoalescing()}.
     *
     * @param value whether callers share calls
     * @return this
     */
    public RateLimiterBuilder coalescing(boolean value) {
        coalescing = value;
        return this;
    }

    /**
     * Removes all layers except the observation: failures of the store reach the caller, and calls have no deadline.
     *
     * @return this
     */
    public RateLimiterBuilder unguarded() {
        guarded = false;
        return this;
    }

    /**
     * Loads the classes of the failure path during {@link #build()}, so that the first outage does not wait for them.
     *
     * @return this
     */
    public RateLimiterBuilder warmUp() {
        warmUp = true;
        return this;
    }

    /**
     * Sets the clock of the layers. The default is {@link MicroClock#system()}.
     *
     * @param value must not go back
     * @return this
     */
    public RateLimiterBuilder clock(MicroClock value) {
        clock = value;
        return this;
    }

    /**
     * Sets the listeners.
     *
     * @param value receive decisions and failures, in this order
     * @return this
     */
    public RateLimiterBuilder listeners(List<? extends RateLimitListener> value) {
        listeners = List.copyOf(value);
        return this;
    }

    /**
     * Sets the listeners of calls to the store. A backend in memory makes no calls.
     *
     * @param value receive every call, in this order
     * @return this
     */
    public RateLimiterBuilder storeListeners(List<? extends StoreListener> value) {
        storeListeners = List.copyOf(value);
        return this;
    }

    /**
     * Sets a secret that conceals keys before any layer, listener or store receives them.
     *
     * @param value the same secret on all instances; {@code null} to use keys as they are
     * @return this
     */
    public RateLimiterBuilder keySecret(KeyHash.@Nullable Secret value) {
        secret = value;
        return this;
    }

    /**
     * Sets how many callers may wait in turn; further ones are denied at once. The default is 1000 for one policy and
     * key, and 100 000 together.
     *
     * @param perKey the most callers that wait for one policy and key, 0 or more; 0 if none may wait
     * @param all    the most callers that wait, 0 or more
     * @return this
     * @throws IllegalArgumentException if a number is negative
     */
    public RateLimiterBuilder maxWaiting(int perKey, int all) {
        if (perKey < 0 || all < 0) {
            throw new IllegalArgumentException("At most " + perKey + " callers of a key and " + all
                    + " callers together may wait; write 0 or more.");
        }
        waiting = new WaitingQueues.Options(perKey, all, waiting.scheduler(), waiting.callbacks());
        return this;
    }

    /** Sets the clock and the threads of callers that wait. */
    RateLimiterBuilder waitingOn(Scheduler scheduler) {
        waiting = new WaitingQueues.Options(
                waiting.maxPerKey(), waiting.max(), scheduler, scheduler.callbackThreads("ratelimit-waited-"));
        return this;
    }

    /**
     * Assembles the limiter.
     *
     * @return a new limiter, which closes the backend when it is closed
     * @throws IllegalArgumentException if the deadline or the number of instances is out of range
     */
    public RateLimiter build() {
        EventDispatcher events = new EventDispatcher(listeners);
        if (!guarded) {
            return new RateLimiter(new AsyncRateLimiter(observed(), events, secret, clock, waiting), () -> {});
        }
        Duration time = deadline == null ? backend.deadline() : deadline;
        RateLimitBackend store = coalescing ? new Coalescer(observed(), time) : observed();
        Guard guard = new Guard(store, name, time, instances, clock, events::failed);
        if (warmUp) {
            guard.warmUp();
        }
        PrefetchingBackend prefetching = new PrefetchingBackend(guard, withoutFallback(guard), clock);
        RateLimitBackend front = new LocalLimit(prefetching, clock);
        RateLimitBackend layers = denyCache.isZero() ? front : new DenyCache(front, clock, denyCache);
        return new RateLimiter(new AsyncRateLimiter(layers, events, secret, clock, waiting), prefetching::drain);
    }

    /** Prefetched permits must be charged by the store, so a fallback must not grant them. */
    private static PermitSource withoutFallback(Guard guard) {
        return new PermitSource() {

            @Override
            public boolean isAvailable(Policy policy, String key) {
                return guard.isCallingStore(policy, key);
            }

            @Override
            public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
                return guard.acquireOrFail(policy, key, permits);
            }

            @Override
            public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
                return guard.refundOrFail(policy, key, permits, chargedAtMicros);
            }
        };
    }

    private RateLimitBackend observed() {
        return storeListeners.isEmpty() || backend.isLocal()
                ? backend
                : new ObservedBackend(backend, name, storeListeners);
    }
}
