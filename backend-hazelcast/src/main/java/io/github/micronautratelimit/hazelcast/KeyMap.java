package io.github.micronautratelimit.hazelcast;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import com.hazelcast.cluster.Member;
import com.hazelcast.config.Config;
import com.hazelcast.config.MapConfig;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.map.IMap;
import com.hazelcast.nio.serialization.HazelcastSerializationException;
import com.hazelcast.spi.exception.TargetDisconnectedException;

import io.github.micronautratelimit.MicroClock;

/** The map that holds the keys. A step on a key is taken by the member that owns it or, where that cannot, here. */
final class KeyMap implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(KeyMap.class);
    private static final long NEVER = Long.MIN_VALUE;
    private static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(30);

    private final IMap<String, byte[]> map;
    private final Census census;
    private final @Nullable MicroClock clock;
    private final Owner owner;
    private final CompareAndReplace here;
    /** When a member was last found that does not know what it is asked, or {@link #NEVER}. */
    private final AtomicLong unknownSince = new AtomicLong(NEVER);

    private KeyMap(IMap<String, byte[]> map, Census census, @Nullable MicroClock clock, Executor answers,
                   Executor waiting) {
        this.map = map;
        this.census = census;
        this.clock = clock;
        this.owner = new Owner(map, answers, waiting);
        this.here = new CompareAndReplace(map, waiting, clock == null ? MicroClock.system() : clock, clock != null);
    }

    /** Opens the map of a name; waits for members. With a clock, its time is sent along instead of the cluster's. */
    static KeyMap open(HazelcastInstance hazelcast, String name, @Nullable MicroClock clock, Executor answers,
                       Executor waiting) {
        Census census = new Census(hazelcast);
        // Members without this library could not make a map whose merge policy they do not know.
        if (census.isComplete() && hazelcast.getLocalEndpoint() instanceof Member) {
            configure(hazelcast.getConfig(), name);
        }
        return new KeyMap(hazelcast.getMap(name), census, clock, answers, waiting);
    }

    /** The map has a configuration of its own, unless the user has made one: what is set for all may let entries go. */
    private static void configure(Config config, String name) {
        if (!config.findMapConfig(name).getName().equals("default")) {
            return;
        }
        MapConfig own = new MapConfig(name);
        own.getMergePolicyConfig().setPolicy(JoinMergePolicy.class.getName());
        try {
            config.addMapConfig(own);
        } catch (RuntimeException e) {
            LOG.warn("The map {} could not be configured, so permits may be handed back after a split of the cluster; "
                    + "name {} as its merge policy.", name, JoinMergePolicy.class.getName(), e);
        }
    }

    <T> CompletionStage<T> take(String key, Question<T> step) {
        long since = unknownSince.get();
        if (!census.isComplete() || since != NEVER && System.nanoTime() - since < RETRY_NANOS) {
            return here.decide(key, step);
        }
        CompletionStage<T> asked = ask(key, step);
        if (since != NEVER) {
            asked = asked.whenComplete((decisions, failure) -> {
                if (failure == null && unknownSince.compareAndSet(since, NEVER)) {
                    LOG.info("The members of the cluster decide again.");
                }
            });
        }
        return asked.exceptionallyCompose(failure -> {
            if (Defect.isCausedBy(failure, HazelcastSerializationException.class)) {
                isUnknown(failure);
                return here.decide(key, step);
            }
            // A client's call is lost with the member it was sent to. To ask twice may cost the permits twice.
            return Defect.isCausedBy(failure, TargetDisconnectedException.class) ? askAgain(key, step)
                    : CompletableFuture.failedFuture(failure);
        });
    }

    private <T> CompletionStage<T> ask(String key, Question<T> step) {
        return owner.ask(key, step.sent(clock == null ? null : clock.micros())).thenApply(step::read);
    }

    /** However this fails, what was asked first may have been done. */
    private <T> CompletionStage<T> askAgain(String key, Question<T> step) {
        return ask(key, step).exceptionallyCompose(failure -> CompletableFuture.failedFuture(Unanswered.after(failure)));
    }

    private void isUnknown(Throwable failure) {
        if (unknownSince.getAndSet(System.nanoTime()) == NEVER) {
            LOG.warn("A member has an older version of micronaut-ratelimit-hazelcast, or none. Decisions are made here, "
                    + "which takes longer; put this version on the members' class path. ({})", failure.getMessage());
        }
    }

    /** Waits for the member. */
    void forget(String key) {
        map.delete(key);
    }

    @Override
    public void close() {
        census.close();
    }
}
