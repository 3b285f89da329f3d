package io.github.micronautratelimit.hazelcast;

import com.hazelcast.client.HazelcastClientOfflineException;
import com.hazelcast.cluster.Member;
import com.hazelcast.core.HazelcastException;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.instance.BuildInfoProvider;
import com.hazelcast.map.IMap;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The map that holds the states of all keys, and the calls to the members that own them.
 *
 * <p><em>Threads.</em> Stages complete on threads of this class. On a thread of Hazelcast, of a partition or a
 * connection, a slow callback could delay the calls for all other keys.
 */
final class RateLimitMap implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(RateLimitMap.class);
    private static final int MIN_ANSWER_THREADS = 2;
    private static final int FIRST_MINOR_THAT_STARTS_THREADS = 6;

    private record Connection(IMap<String, byte[]> entries, MemberChecks checks, HazelcastMemberFallback fallback) {}

    private final HazelcastInstance hazelcast;
    private final String name;
    private final @Nullable MicroClock clock;
    private final ClusterWarning.Log warnings;
    private final boolean blocksThreads = ForkJoinPool.getCommonPoolParallelism() <= 1
            && startsThreads(BuildInfoProvider.getBuildInfo().getVersion());
    private final ThreadPoolExecutor answers = MemberThreads.pool(
            "ratelimit-answer",
            Math.max(MIN_ANSWER_THREADS, Runtime.getRuntime().availableProcessors()),
            new LinkedBlockingQueue<>(),
            new AtomicLong());
    private final MemberThreads blocking = new MemberThreads();
    /** {@code null} until a client has first reached the cluster. */
    private volatile @Nullable Connection connection;

    /**
     * Opens the map. If a client cannot do so yet, because it has not reached the cluster or the only member that it
     * can call lacks this library, the map is opened with a later call.
     *
     * @param hazelcast the instance
     * @param namespace names the map
     * @param clock     decides instead of the clock of the cluster, for tests; or {@code null}
     * @param warnings  receives warnings about the cluster
     */
    RateLimitMap(
            HazelcastInstance hazelcast, String namespace, @Nullable MicroClock clock, ClusterWarning.Log warnings) {
        this.hazelcast = hazelcast;
        this.name = RateLimitMapConfig.NAME_PREFIX + namespace;
        this.clock = clock;
        this.warnings = warnings;
        try {
            connect();
        } catch (HazelcastClientOfflineException e) {
            LOG.warn("The Hazelcast cluster is not reachable yet. Until it is, the on-error of each policy decides.");
        } catch (HazelcastException e) {
            if (hazelcast.getLocalEndpoint() instanceof Member) {
                throw e;
            }
            LOG.warn(
                    "The Hazelcast map {} could not be opened: {}. Until it can be, the on-error of each policy "
                            + "decides.",
                    name,
                    e.getMessage());
        }
    }

    private synchronized Connection connect() {
        Connection present = connection;
        if (present != null) {
            return present;
        }
        // The members configure the map before its first use: later they would not.
        MemberChecks checks = new MemberChecks(hazelcast, name, warnings);
        Connection opened;
        try {
            opened = new Connection(
                    hazelcast.getMap(name), checks, new HazelcastMemberFallback(checks, this::blocking, clock));
        } catch (RuntimeException e) {
            checks.close();
            throw e;
        }
        connection = opened;
        return opened;
    }

    /**
     * Executes an operation on a key: on the member that owns it, or here if a member cannot.
     *
     * @param key       the key of the entry
     * @param operation the operation
     * @param result    makes the result from the decisions
     * @return the result, or a classified failure
     */
    <T> CompletionStage<T> execute(String key, KeyProcessor operation, Function<List<Decision>, T> result) {
        Connection present = connection;
        try {
            return HazelcastFailures.classified(
                    present != null
                            ? execute(present, key, operation, result)
                            : CompletableFuture.supplyAsync(this::connect, blocking(key))
                                    .thenCompose(opened -> execute(opened, key, operation, result)));
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private <T> CompletionStage<T> execute(
            Connection opened, String key, KeyProcessor operation, Function<List<Decision>, T> result) {
        HazelcastMemberFallback fallback = opened.fallback;
        int version = opened.checks.version();
        operation.useVersion(version);
        if (fallback.isNeeded() || version < operation.oldestVersion()) {
            return fallback.execute(opened.entries, key, operation, result);
        }
        long rejection = fallback.lastRejection();
        CompletionStage<T> called = call(opened.entries, key, operation, result);
        if (rejection != HazelcastMemberFallback.NONE) {
            called = called.thenApply(answer -> {
                fallback.accepted(rejection);
                return answer;
            });
        }
        return called.exceptionallyCompose(failure -> failed(failure, opened, key, operation, result));
    }

    private <T> CompletionStage<T> failed(
            Throwable failure,
            Connection opened,
            String key,
            KeyProcessor operation,
            Function<List<Decision>, T> result) {
        if (HazelcastFailures.isRejection(failure)) {
            opened.fallback.rejected(failure);
            return opened.fallback.execute(opened.entries, key, operation, result);
        }
        // The call of a client is lost with the member. A retry costs the permits twice, if that has executed it.
        return HazelcastFailures.isDisconnection(failure)
                ? callAgain(opened.entries, key, operation, result)
                : CompletableFuture.failedFuture(failure);
    }

    private <T> CompletionStage<T> call(
            IMap<String, byte[]> entries, String key, KeyProcessor operation, Function<List<Decision>, T> result) {
        return invoke(entries, key, operation).thenApply(answer -> result.apply(operation.decisions(answer)));
    }

    /** Calls the member again. However this fails, the first call may have been executed. */
    private <T> CompletionStage<T> callAgain(
            IMap<String, byte[]> entries, String key, KeyProcessor operation, Function<List<Decision>, T> result) {
        return call(entries, key, operation, result)
                .exceptionallyCompose(
                        failure -> CompletableFuture.failedFuture(HazelcastFailures.unknownOutcome(failure)));
    }

    private CompletableFuture<long[]> invoke(IMap<String, byte[]> entries, String key, KeyProcessor operation) {
        CompletableFuture<long[]> answer = new CompletableFuture<>();
        if (blocksThreads) {
            blocking(key).execute(() -> {
                try {
                    answer.complete(entries.executeOnKey(key, operation));
                } catch (RuntimeException e) {
                    answer.completeExceptionally(e);
                }
            });
        } else {
            // Without an executor of its own, this stage too would start a thread on small machines.
            entries.<long[]>submitToKey(key, operation)
                    .whenCompleteAsync((numbers, failure) -> complete(answer, numbers, failure), Runnable::run);
        }
        return answer;
    }

    private void complete(CompletableFuture<long[]> answer, long[] numbers, @Nullable Throwable failure) {
        Runnable complete = () -> {
            if (failure == null) {
                answer.complete(numbers);
            } else {
                answer.completeExceptionally(failure);
            }
        };
        try {
            answers.execute(complete);
        } catch (RejectedExecutionException e) {
            complete.run();
        }
    }

    /**
     * Returns whether asynchronous calls start threads on machines with one or two processors. Since Hazelcast 5.6, a
     * call of a client starts one thread there, and a call of a member two. It is cheaper to block a pooled thread.
     */
    static boolean startsThreads(String version) {
        String[] parts = version.split("[.-]");
        int major = Integer.parseInt(parts[0]);
        return major > 5 || major == 5 && Integer.parseInt(parts[1]) >= FIRST_MINOR_THAT_STARTS_THREADS;
    }

    /** Returns the address of the member that owns an entry now, as far as this instance knows. Calls no member. */
    String ownerOf(String key) {
        // Before a client has reached the cluster, it would wait for the partitions.
        Member owner = connection == null
                ? null
                : hazelcast.getPartitionService().getPartition(key).getOwner();
        return owner == null ? RateLimitBackend.WHOLE_STORE : owner.getAddress().toString();
    }

    /** Returns the threads that may wait for the member that owns an entry. */
    private Executor blocking(String key) {
        return blocking.of(ownerOf(key));
    }

    /**
     * Reads an entry without executing anything on the member that owns it.
     *
     * @param key    the key of the entry
     * @param result makes the result from the bytes, or from {@code null}, and the present time in microseconds
     * @return the result, or a classified failure
     */
    <T> CompletionStage<T> read(String key, BiFunction<byte @Nullable [], Long, T> result) {
        try {
            return HazelcastFailures.classified(CompletableFuture.supplyAsync(
                    () -> {
                        Connection opened = connect();
                        byte[] stored = HazelcastMemberFallback.read(opened.entries, key);
                        return result.apply(stored, micros());
                    },
                    blocking(key)));
        } catch (RejectedExecutionException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    /** Returns the time by which members decide; for a client, that of its machine. */
    private long micros() {
        return clock != null
                ? clock.micros()
                : TimeUnit.MILLISECONDS.toMicros(hazelcast.getCluster().getClusterTime());
    }

    /**
     * Runs code that waits for a member.
     *
     * @param key  names the member that owns it, whose slow calls delay only calls of the same member
     * @param call waits
     * @return its result, or a classified failure
     */
    <T> CompletionStage<T> onThreadOf(String key, Supplier<T> call) {
        try {
            return HazelcastFailures.classified(CompletableFuture.supplyAsync(call, blocking(key)));
        } catch (RejectedExecutionException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    /** Removes an entry. */
    CompletionStage<Void> remove(String key) {
        try {
            return HazelcastFailures.classified(
                    CompletableFuture.runAsync(() -> connect().entries.delete(key), blocking(key)));
        } catch (RejectedExecutionException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    /** Stops the threads. The Hazelcast instance continues. */
    @Override
    public void close() {
        Connection present = connection;
        if (present != null && hazelcast.getLifecycleService().isRunning()) {
            present.checks.close();
        }
        answers.shutdown();
        blocking.close();
    }
}
