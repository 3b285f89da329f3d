package io.github.micronautratelimit.memory;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.tck.FaultyStore;

/** A memory backend behind a wire of its own that can be cut, stopped and knotted. */
final class FaultyMemory implements FaultyStore, RateLimitBackend {

    private final MemoryBackend memory = new MemoryBackend();
    private final ScheduledExecutorService server =
            Executors.newSingleThreadScheduledExecutor(task -> new Thread(task, "faulty-memory"));
    /** Sent while the store hung. */
    private final List<Runnable> stuck = new ArrayList<>();
    private @Nullable Fault fault;

    @Override
    public RateLimitBackend backend() {
        return this;
    }

    @Override
    public synchronized void inject(Fault injected) {
        fault = injected;
    }

    @Override
    public synchronized void heal() {
        fault = null;
        stuck.forEach(server::execute);
        stuck.clear();
    }

    private synchronized <T> CompletionStage<T> send(Supplier<T> work) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        Runnable carryOut = () -> answer.complete(work.get());
        if (fault == null) {
            server.execute(carryOut);
            return answer;
        }
        switch (fault) {
            case REFUSED -> answer.completeExceptionally(new IllegalStateException("Connection refused"));
            case ERRORS -> server.execute(() -> answer.completeExceptionally(new IllegalStateException("LOADING")));
            case HUNG -> stuck.add(carryOut);
            case SLOW -> server.schedule(carryOut, 3 * deadline().toMillis(), TimeUnit.MILLISECONDS);
            case REPLY_LOST -> server.execute(work::get);
            case DELIVERED_TWICE -> server.execute(() -> {
                work.get();
                carryOut.run();
            });
            case HALF_OPEN -> {
            }
        }
        return answer;
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return send(() -> memory.acquireBlocking(policy, key, permits));
    }

    @Override
    public CompletionStage<List<Decision>> acquireAll(List<Ask> asks) {
        return send(() -> memory.acquireAll(asks).join());
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return send(() -> memory.peek(policy, key, permits).join());
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits) {
        return send(() -> memory.refund(policy, key, permits).join());
    }

    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return send(() -> memory.block(policy, key, micros).join());
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return send(() -> memory.reset(policy, key).join());
    }

    @Override
    public void close() {
        server.shutdownNow();
    }
}
