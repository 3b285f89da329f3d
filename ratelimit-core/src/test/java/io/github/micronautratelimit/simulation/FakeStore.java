package io.github.micronautratelimit.simulation;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.TokenBucket;
import io.github.micronautratelimit.memory.MemoryBackend;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/** A store of several parts that executes calls at once. Each part can lose all data, or its latest writes. */
final class FakeStore {

    private static final int MAX_KEYS = 10_000;

    private final List<Part> parts = new ArrayList<>();
    private final VirtualScheduler scheduler;
    private final Ledger ledger;

    private record Write(long micros, Consumer<MemoryBackend> operation) {}

    private final class Part {

        private long micros;
        private MemoryBackend memory = blank();
        private List<Write> writes = new ArrayList<>();

        private MemoryBackend blank() {
            return new MemoryBackend(() -> micros, MAX_KEYS);
        }

        MemoryBackend now() {
            micros = FakeStore.this.micros();
            return memory;
        }

        <T> T write(Function<MemoryBackend, T> operation) {
            T answer = operation.apply(now());
            writes.add(new Write(micros, operation::apply));
            return answer;
        }

        /** Continues from the writes that are older than a time. */
        void loseWrites(long after) {
            memory = blank();
            writes = new ArrayList<>(
                    writes.stream().filter(write -> write.micros < after).toList());
            for (Write write : writes) {
                micros = write.micros;
                write.operation.accept(memory);
            }
        }
    }

    FakeStore(int parts, VirtualScheduler scheduler, Ledger ledger) {
        this.scheduler = scheduler;
        this.ledger = ledger;
        for (int i = 0; i < parts; i++) {
            this.parts.add(new Part());
        }
    }

    /** Returns the clock of the store, in microseconds since the epoch. */
    long micros() {
        return Simulation.EPOCH_MICROS + scheduler.nanoTime() / 1_000;
    }

    int part(String key) {
        return Math.floorMod(key.hashCode() * 31, parts.size());
    }

    private Part of(String key) {
        return parts.get(part(key));
    }

    void lose(int part, long micros) {
        for (int i = 0; i < parts.size(); i++) {
            if (part == Fault.ALL || part == i) {
                parts.get(i).loseWrites(micros);
                ledger.lost(i, micros());
            }
        }
    }

    Decision acquire(Policy policy, String key, long permits, boolean again) {
        Part part = of(key);
        Decision decision = part.now().acquireBlocking(policy, key, permits);
        if (decision.allowed()) {
            part.writes.add(new Write(part.micros, memory -> memory.acquireBlocking(policy, key, permits)));
            ledger.of(policy).executed(micros(), permits, again);
        }
        return decision;
    }

    /** Executes requests on keys of one part: all or none. */
    List<Decision> acquireAll(List<PermitRequest> requests, boolean again) {
        Part part = of(requests.get(0).key());
        List<Decision> decisions = part.now().acquireAll(requests).join();
        if (decisions.stream().allMatch(Decision::allowed)) {
            part.writes.add(new Write(part.micros, memory -> memory.acquireAll(requests)));
            requests.forEach(request -> ledger.of(request.policy()).executed(micros(), request.permits(), again));
        }
        return decisions;
    }

    void block(Policy policy, String key, long micros) {
        write(key, memory -> memory.block(policy, key, micros));
        ledger.of(policy).blocked(micros(), micros);
    }

    void reset(Policy policy, String key) {
        write(key, memory -> memory.reset(policy, key));
        ledger.of(policy).reset(micros());
    }

    Decision peek(Policy policy, String key, long permits) {
        return of(key).now().peek(policy, key, permits).join();
    }

    void refund(Policy policy, String key, long permits, long chargedAtMicros) {
        double before = spent(policy, key);
        of(key).write(memory -> memory.refund(policy, key, permits, chargedAtMicros));
        ledger.of(policy).executedRefund(micros(), before - spent(policy, key));
    }

    /** Returns the permits that the first limit misses; a refund gives back fractions of a bucket's permits. */
    double spent(Policy policy, String key) {
        Limit limit = policy.rateLimits().get(0);
        Decision decision = peek(policy.withLimits(List.of(limit)), key, 0);
        return limit instanceof TokenBucket
                ? (double) decision.resetAfterMicros() * limit.permits() / limit.periodMicros()
                : limit.capacity() - decision.remaining();
    }

    <T> T write(String key, Function<MemoryBackend, T> operation) {
        return of(key).write(operation);
    }

    long freeSlots(Policy policy, String key) {
        return of(key).now()
                .concurrency()
                .peek(policy, key)
                .toCompletableFuture()
                .join()
                .remaining();
    }
}
