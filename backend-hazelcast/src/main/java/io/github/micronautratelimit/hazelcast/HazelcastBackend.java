package io.github.micronautratelimit.hazelcast;

import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import com.hazelcast.client.HazelcastClientOfflineException;
import com.hazelcast.core.HazelcastInstance;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.LeaseBackend;
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
 * <p>Members have to have this library on their class path, and nothing else to configure. While one of them has not, or
 * has an older version that does not know what is asked, decisions are made here by compare-and-replace on the same
 * entries: two round trips, and two more after the answer, by this machine's clock, and slow on a hot key; a
 * {@link io.github.micronautratelimit.Coalescer} in front helps. As soon as all members have it, they decide.
 *
 * <p>Nothing here blocks the caller, and stages complete on threads of this backend's own. A stage completes exceptionally
 * with what Hazelcast reports, which may take it as long as its own timeouts, up to minutes: put a
 * {@link io.github.micronautratelimit.Guard} in front. An entry that is no state, or one of a newer version, is a
 * {@link io.github.micronautratelimit.RateLimitDefectException}. A call whose answer is lost may have been carried out, and
 * one that is sent again because a member has gone may be so twice: it then costs its permits twice, at most.
 */
public final class HazelcastBackend implements RateLimitBackend {

    private static final Logger LOG = LoggerFactory.getLogger(HazelcastBackend.class);
    private static final String MAP_PREFIX = "ratelimit:";
    private static final int LEAST_ANSWERING_THREADS = 2;
    private static final int WAITING_THREADS = 16;
    private static final int MOST_QUEUED = 1_000;
    private static final int IDLE_SECONDS = 30;

    private final HazelcastInstance hazelcast;
    private final String name;
    private final @Nullable MicroClock clock;
    private final boolean own;
    private final LeaseBackend leases = new HazelcastLeases(this);
    private final ThreadPoolExecutor answers = threads("ratelimit-answer",
            Math.max(LEAST_ANSWERING_THREADS, Runtime.getRuntime().availableProcessors()), new LinkedBlockingQueue<>());
    private final ThreadPoolExecutor waiting =
            threads("ratelimit-wait", WAITING_THREADS, new ArrayBlockingQueue<>(MOST_QUEUED));
    /** {@code null} until a client has first reached the cluster. */
    private volatile @Nullable KeyMap keys;

    /**
     * A backend on an instance, which stays the caller's to shut down.
     *
     * @param hazelcast a member or a client
     * @param namespace what the map is called after; applications that share a cluster and not their limits take
     *                  different ones
     */
    public HazelcastBackend(HazelcastInstance hazelcast, String namespace) {
        this(hazelcast, namespace, null, false);
    }

    /** With a clock whose time is sent along instead of the cluster's; entries then live an hour longer than they must. */
    HazelcastBackend(HazelcastInstance hazelcast, String namespace, MicroClock clock) {
        this(hazelcast, namespace, clock, false);
    }

    /** On an instance that may be this backend's own, to be shut down with it. */
    HazelcastBackend(HazelcastInstance hazelcast, String namespace, @Nullable MicroClock clock, boolean own) {
        this.hazelcast = hazelcast;
        this.name = MAP_PREFIX + namespace;
        this.clock = clock;
        this.own = own;
        try {
            open();
        } catch (HazelcastClientOfflineException e) {
            LOG.warn("The Hazelcast cluster is not reached yet; until it is, policies decide without it.");
        }
    }

    private static ThreadPoolExecutor threads(String name, int count, BlockingQueue<Runnable> queue) {
        AtomicLong started = new AtomicLong();
        ThreadPoolExecutor threads = new ThreadPoolExecutor(count, count, IDLE_SECONDS, TimeUnit.SECONDS, queue, work -> {
            Thread thread = new Thread(work, name + "-" + started.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        });
        threads.allowCoreThreadTimeOut(true);
        return threads;
    }

    private KeyMap open() {
        KeyMap opened = KeyMap.open(hazelcast, name, clock, answers, waiting);
        keys = opened;
        return opened;
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return take(Step.Kind.ACQUIRE, policy, key, List.of(permits)).thenApply(decisions -> decisions.get(0));
    }

    @Override
    public CompletionStage<List<Decision>> acquireEach(Policy policy, String key, List<Long> permits) {
        return permits.isEmpty() ? CompletableFuture.completedStage(List.of())
                : take(Step.Kind.ACQUIRE, policy, key, List.copyOf(permits));
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return take(Step.Kind.PEEK, policy, key, List.of(permits)).thenApply(decisions -> decisions.get(0));
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits) {
        return take(Step.Kind.REFUND, policy, key, List.of(permits)).thenApply(done -> null);
    }

    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return take(Step.Kind.BLOCK, policy, key, List.of(micros)).thenApply(done -> null);
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return forget(name(policy, key));
    }

    CompletionStage<Void> forget(String name) {
        try {
            return Defect.told(CompletableFuture.runAsync(() -> {
                KeyMap opened = keys;
                (opened == null ? open() : opened).forget(name);
            }, waiting));
        } catch (RejectedExecutionException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private CompletionStage<List<Decision>> take(Step.Kind kind, Policy policy, String key, List<Long> costs) {
        return ask(name(policy, key), new Step(kind, policy, costs));
    }

    <T> CompletionStage<T> ask(String name, Question<T> step) {
        KeyMap opened = keys;
        try {
            return Defect.told(opened != null ? opened.take(name, step)
                    : CompletableFuture.supplyAsync(this::open, waiting).thenCompose(now -> now.take(name, step)));
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    /** The name of a key's permits. */
    static String name(Policy policy, String key) {
        return policy.name() + ":" + KeyHash.brief(key);
    }

    /**
     * Who holds a place under a concurrency limit is in an entry beside the one of the key's permits. A step takes the
     * member that owns it the longer the more places there are: some microseconds for ten, a tenth of a millisecond or more
     * for a thousand.
     */
    @Override
    public LeaseBackend leases() {
        return leases;
    }

    /** Ends this backend's threads. The Hazelcast instance it was given goes on. */
    @Override
    public void close() {
        KeyMap opened = keys;
        if (own) {
            hazelcast.shutdown();
        } else if (opened != null && hazelcast.getLifecycleService().isRunning()) {
            opened.close();
        }
        answers.shutdown();
        waiting.shutdown();
    }
}
