package io.github.micronautratelimit.hazelcast;

import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.LinkedBlockingQueue;
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

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;

/**
 * Keeps every key's state in a Hazelcast map, for members and clients of a cluster alike.
 *
 * <p>A decision is one invocation, whatever the number of limits, and one atomic step of the member that owns the key; the
 * cluster's clock decides, to the millisecond. The map is <code>ratelimit:namespace</code>, a key in it
 * <code>policy:hash</code>, which expires by itself when every permit is free again; the hash is {@link KeyHash#brief} of
 * the key, so no identity can be read from it. A denial writes nothing and asks no backup. A request under several policies
 * is asked in turn, and what was taken is given back if one denies.
 *
 * <p>Members have to have this library on their class path, and nothing else to configure. Where they have not, or an older
 * version that does not know what is asked, decisions are made here by compare-and-replace on the same entries: two round
 * trips or three, by this machine's clock, and slow on a hot key; a {@link io.github.micronautratelimit.Coalescer} in front
 * helps. Whether it is still so is tried again every 30 seconds.
 *
 * <p>Nothing here blocks the caller, and stages complete on threads of this backend's own. A stage completes exceptionally
 * with what Hazelcast reports, which may take it as long as its own timeouts, up to minutes: put a
 * {@link io.github.micronautratelimit.Guard} in front. A call whose answer is lost may have been carried out, and one that
 * is sent again because a member has gone may be so twice: it then costs its permits twice, at most.
 */
public final class HazelcastBackend implements RateLimitBackend {

    private static final Logger LOG = LoggerFactory.getLogger(HazelcastBackend.class);
    private static final String MAP_PREFIX = "ratelimit:";
    private static final int MOST_WAITING_THREADS = 16;
    private static final int MOST_QUEUED = 1_000;
    private static final long NEVER = Long.MIN_VALUE;
    private static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(30);

    private final IMap<String, byte[]> map;
    private final @Nullable MicroClock clock;
    private final ThreadPoolExecutor answers;
    private final ThreadPoolExecutor waiting;
    private final Owner owner;
    private final CompareAndReplace here;
    /** When a member was last found that has not got this library, or {@link #NEVER}. */
    private final AtomicLong unknownSince = new AtomicLong(NEVER);

    /**
     * A backend on an instance, which stays the caller's to shut down.
     *
     * @param hazelcast a member or a client
     * @param namespace what the map is called after; applications that share a cluster and not their limits take
     *                  different ones
     */
    public HazelcastBackend(HazelcastInstance hazelcast, String namespace) {
        this(hazelcast, namespace, null);
    }

    /** With a clock whose time is sent along instead of the cluster's; entries then live an hour longer than they must. */
    HazelcastBackend(HazelcastInstance hazelcast, String namespace, @Nullable MicroClock clock) {
        String name = MAP_PREFIX + namespace;
        joinAfterSplit(hazelcast, name);
        this.map = hazelcast.getMap(name);
        this.clock = clock;
        int processors = Math.max(2, Runtime.getRuntime().availableProcessors());
        this.answers = threads("ratelimit-answer", processors, Integer.MAX_VALUE);
        this.waiting = threads("ratelimit-wait", MOST_WAITING_THREADS, MOST_QUEUED);
        this.owner = new Owner(map, answers, waiting);
        this.here = new CompareAndReplace(map, waiting, clock == null ? MicroClock.system() : clock, clock != null);
    }

    private static ThreadPoolExecutor threads(String name, int most, int queued) {
        AtomicLong count = new AtomicLong();
        ThreadFactory factory = work -> {
            Thread thread = new Thread(work, name + "-" + count.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        };
        ThreadPoolExecutor threads = new ThreadPoolExecutor(most, most, 30, TimeUnit.SECONDS,
                queued == Integer.MAX_VALUE ? new LinkedBlockingQueue<>() : new ArrayBlockingQueue<>(queued), factory);
        threads.allowCoreThreadTimeOut(true);
        return threads;
    }

    /** Gives the map a configuration of its own, unless the user has: what is set for all maps may let entries go. */
    private static void joinAfterSplit(HazelcastInstance hazelcast, String map) {
        if (!(hazelcast.getLocalEndpoint() instanceof Member)) {
            return;
        }
        Config config = hazelcast.getConfig();
        if (!config.findMapConfig(map).getName().equals("default")) {
            return;
        }
        MapConfig own = new MapConfig(map);
        own.getMergePolicyConfig().setPolicy(JoinMergePolicy.class.getName());
        try {
            config.addMapConfig(own);
        } catch (RuntimeException e) {
            LOG.warn("The map {} could not be configured, so permits may be handed back after a split of the cluster; "
                    + "name {} as its merge policy.", map, JoinMergePolicy.class.getName(), e);
        }
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return decide(Step.Kind.ACQUIRE, policy, key, List.of(permits)).thenApply(decisions -> decisions.get(0));
    }

    @Override
    public CompletionStage<List<Decision>> acquireEach(Policy policy, String key, List<Long> permits) {
        return permits.isEmpty() ? CompletableFuture.completedStage(List.of())
                : decide(Step.Kind.ACQUIRE, policy, key, List.copyOf(permits));
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return decide(Step.Kind.PEEK, policy, key, List.of(permits)).thenApply(decisions -> decisions.get(0));
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits) {
        return decide(Step.Kind.REFUND, policy, key, List.of(permits)).thenApply(done -> null);
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return CompletableFuture.runAsync(() -> map.delete(name(policy, key)), waiting);
    }

    private CompletionStage<List<Decision>> decide(Step.Kind kind, Policy policy, String key, List<Long> costs) {
        String name = name(policy, key);
        Step step = new Step(kind, policy, costs);
        if (isUnknownThere()) {
            return here.decide(name, step);
        }
        return ask(name, step).exceptionallyCompose(failure -> {
            if (isCausedBy(failure, HazelcastSerializationException.class)) {
                LOG.atLevel(unknownSince.getAndSet(System.nanoTime()) == NEVER
                        ? org.slf4j.event.Level.WARN : org.slf4j.event.Level.DEBUG)
                        .log("A member of the cluster has not got micronaut-ratelimit-hazelcast, or an older version: "
                                + "decisions are made here, which takes longer. Put it on the member's class path. ({})",
                                failure.getMessage());
                return here.decide(name, step);
            }
            // A client's call is lost with the member it was sent to. To ask twice may cost the permits twice.
            return isCausedBy(failure, TargetDisconnectedException.class) ? ask(name, step)
                    : CompletableFuture.failedFuture(failure);
        });
    }

    private CompletionStage<List<Decision>> ask(String name, Step step) {
        return owner.ask(name, new Decide(step, clock == null ? null : clock.micros()))
                .thenApply(numbers -> Answer.read(numbers, step.policy().limits()));
    }

    private boolean isUnknownThere() {
        long since = unknownSince.get();
        return since != NEVER && System.nanoTime() - since < RETRY_NANOS;
    }

    private static boolean isCausedBy(Throwable failure, Class<? extends Throwable> type) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (type.isInstance(cause)) {
                return true;
            }
        }
        return false;
    }

    private static String name(Policy policy, String key) {
        return policy.name() + ":" + KeyHash.brief(key);
    }

    /** Ends this backend's threads. The Hazelcast instance goes on. */
    @Override
    public void close() {
        answers.shutdown();
        waiting.shutdown();
    }
}
