package io.github.micronautratelimit.hazelcast;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.RejectedExecutionException;

import org.jspecify.annotations.Nullable;

import com.hazelcast.instance.BuildInfoProvider;
import com.hazelcast.map.EntryProcessor;
import com.hazelcast.map.IMap;

/**
 * Asks the member that owns a key. The answer comes on a thread of ours: on Hazelcast's own, of a partition or a connection,
 * whoever goes on with it could hold up all other keys.
 *
 * <p>Since Hazelcast 5.6, on machines with one or two processors, every asynchronous call of a map starts a thread for its
 * answer. There it is cheaper to let a thread of ours wait.
 */
final class Owner {

    private static final int FIRST_SLOW_MINOR = 6;

    private final IMap<String, byte[]> map;
    private final Executor answers;
    private final Executor waiting;
    private final boolean waits;

    Owner(IMap<String, byte[]> map, Executor answers, Executor waiting) {
        this.map = map;
        this.answers = answers;
        this.waiting = waiting;
        this.waits = ForkJoinPool.getCommonPoolParallelism() <= 1
                && startsThreads(BuildInfoProvider.getBuildInfo().getVersion());
    }

    static boolean startsThreads(String version) {
        String[] parts = version.split("[.-]");
        int major = Integer.parseInt(parts[0]);
        return major > 5 || major == 5 && Integer.parseInt(parts[1]) >= FIRST_SLOW_MINOR;
    }

    CompletableFuture<long[]> ask(String key, EntryProcessor<String, byte[], long[]> decide) {
        CompletableFuture<long[]> answer = new CompletableFuture<>();
        if (waits) {
            waiting.execute(() -> {
                try {
                    answer.complete(map.executeOnKey(key, decide));
                } catch (RuntimeException e) {
                    answer.completeExceptionally(e);
                }
            });
        } else {
            // Without an executor of its own, this stage too would start a thread on small machines.
            map.<long[]>submitToKey(key, decide)
                    .whenCompleteAsync((numbers, failure) -> handOver(answer, numbers, failure), Runnable::run);
        }
        return answer;
    }

    private void handOver(CompletableFuture<long[]> answer, long[] numbers, @Nullable Throwable failure) {
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
}
