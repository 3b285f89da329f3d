package io.github.micronautratelimit.client;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.client.HoldBacks.Partition;
import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.web.RequestKeys;
import io.micronaut.core.annotation.Internal;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The shared state of all calls of limited clients: the limiter, the partitions that are held back, the counters. Safe
 * for use by any number of threads.
 */
@Internal
@Singleton
@RequiresRateLimit
public final class LimitedCalls {

    private static final Logger LOG = LoggerFactory.getLogger(LimitedCalls.class);

    private static final int MAX_LOGGED = 100;
    private static final int FIRST_ERROR = 400;
    private static final int NANOS_PER_MICRO = 1_000;
    private static final int NANOS_PER_MILLI = 1_000_000;

    private final RateLimiter limiter;
    private final MicroClock clock;
    private final int maxPausing;
    private final RequestKeys keys = new RequestKeys();
    private final HoldBacks holds = new HoldBacks();
    private final AtomicInteger pausing = new AtomicInteger();
    private final Map<String, ClientCounts> counts = new HashMap<>();
    private final Set<Partition> logged = ConcurrentHashMap.newKeySet();

    LimitedCalls(RateLimiter limiter, MicroClock clock, RateLimitConfiguration configuration, LimitedClients clients) {
        this.limiter = limiter;
        this.clock = clock;
        this.maxPausing = configuration.getMaxWaiting();
        clients.all().forEach(client -> counts.put(client.name(), new ClientCounts(client.name())));
    }

    /**
     * Returns the counters of all clients.
     *
     * @return one per client of the configuration
     */
    public List<ClientCounts> counts() {
        return List.copyOf(counts.values());
    }

    ClientCounts counts(LimitedClient client) {
        return Objects.requireNonNull(counts.get(client.name()));
    }

    Partition partition(LimitedClient client, HttpRequest<?> request) {
        return new Partition(
                client.name(),
                client.partition() == null
                        ? RequestKeys.GLOBAL
                        : keys.keyOf(client.partition(), new OutgoingRequest(request)));
    }

    private static PermitRequest request(LimitedClient client, Partition partition) {
        return new PermitRequest(client.policy(), partition.key(), 1, PermitRequest.Origin.HTTP_CLIENT);
    }

    /** Takes a permit, and the slots if there are some, and waits in turn. */
    CompletableFuture<Lease> acquire(LimitedClient client, Partition partition, Duration maxWait) {
        return limiter.async()
                .leaseAll(List.of(request(client, partition)), maxWait)
                .toCompletableFuture();
    }

    /** Gives back the permit and the slots of a call that is not made. */
    void giveBack(Lease lease) {
        lease.close();
        if (lease.allowed()) {
            limiter.async().refund(lease.decisions());
        }
    }

    /** Makes the exception of a call that is held back for longer than it waits. */
    RateLimitExceededException heldBack(LimitedClient client, Partition partition, long nanos) {
        counts(client).heldCall();
        long micros = Math.max(1, nanos / NANOS_PER_MICRO);
        return new RateLimitExceededException(new Decisions(
                List.of(request(client, partition)),
                List.of(new Decision.Denied(0, micros, micros, List.of(), Decision.Source.DENY_CACHE))));
    }

    /** Returns for how long calls are still held back; 0 if they are not. */
    long restNanos(Partition partition) {
        return holds.restNanos(partition, System.nanoTime());
    }

    /** Returns a stage that completes when the store knows for how long calls are held back, or has failed. */
    CompletionStage<?> stored(Partition partition) {
        return holds.stored(partition);
    }

    /** Returns whether one more call may pause; then it counts until {@link #resumed()}. */
    boolean pauses() {
        if (pausing.incrementAndGet() > maxPausing) {
            pausing.decrementAndGet();
            return false;
        }
        return true;
    }

    void resumed() {
        pausing.decrementAndGet();
    }

    /** Holds back further calls if an answer says so: here at once, and elsewhere through the store. */
    void answered(LimitedClient client, Partition partition, HttpResponse<?> response) {
        int status = response.code();
        if (!client.learn() && status != ServerAdvice.TOO_MANY_REQUESTS && status != ServerAdvice.UNAVAILABLE) {
            return;
        }
        ServerAdvice advice =
                ServerAdvice.of(status, name -> response.getHeaders().getAll(name), clock.micros() / NANOS_PER_MICRO);
        if (status == ServerAdvice.TOO_MANY_REQUESTS || status == ServerAdvice.UNAVAILABLE && advice.millis() > 0) {
            counts(client).denied();
            log(client, partition, status);
        }
        if (client.learn()) {
            learn(client, partition, advice, status);
        }
    }

    private void learn(LimitedClient client, Partition partition, ServerAdvice advice, int status) {
        long now = System.nanoTime();
        if (advice.millis() == 0) {
            if (status < FIRST_ERROR) {
                holds.served(partition, now);
            }
            return;
        }
        long longest = client.maxHoldBack().toNanos();
        long nanos = Math.min(advice.millis(), longest / NANOS_PER_MILLI) * NANOS_PER_MILLI;
        long moved = holds.hold(partition, nanos, longest, now, length -> block(client, partition, length));
        counts(client).heldFor(moved);
    }

    /** A failure is that of the store, which the guard logs; the other instances then learn from their own answers. */
    private CompletionStage<Void> block(LimitedClient client, Partition partition, long nanos) {
        return limiter.async()
                .block(
                        client.policy().rateLimitsOnly(),
                        partition.key(),
                        Duration.ofNanos(Math.max(NANOS_PER_MICRO, nanos)));
    }

    private void log(LimitedClient client, Partition partition, int status) {
        if (logged.size() < MAX_LOGGED && logged.add(partition)) {
            LOG.warn(
                    "The service of ratelimit.clients.{} denied a call with status {} (key {}). Further denials are not "
                            + "logged, but counted by the metric ratelimit.client.denials.",
                    client.name(),
                    status,
                    limiter.keyHash(partition.key()));
        }
    }
}
