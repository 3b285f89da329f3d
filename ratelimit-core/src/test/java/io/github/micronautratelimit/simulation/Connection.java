package io.github.micronautratelimit.simulation;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.StoreThrottledException;
import io.github.micronautratelimit.simulation.Fault.Kind;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The connections of one instance to the parts of the store. Calls to a part arrive in the order in which they were
 * sent.
 */
final class Connection implements RateLimitBackend, ConcurrencyBackend {

    private static final long MICRO = 1_000;
    private static final long MOST_LATENCY = Duration.ofMillis(3).toNanos();
    private static final long MOST_SLOW = 3 * Simulation.DEADLINE.toNanos();

    private final Simulation simulation;
    private final VirtualScheduler.Process process;
    private final int instance;
    private final SplittableRandom random;
    /** When the latest call to each part arrives there. */
    private final long[] arrivals;

    Connection(Simulation simulation, VirtualScheduler.Process process, int instance, long seed) {
        this.simulation = simulation;
        this.process = process;
        this.instance = instance;
        this.random = new SplittableRandom(seed);
        this.arrivals = new long[simulation.scenario().parts()];
    }

    /**
     * Sends a call.
     *
     * @param twice whether the network may deliver it twice
     * @param call  executes the call; the second argument says whether for the second time
     */
    private <T> CompletableFuture<T> send(String key, boolean twice, BiFunction<FakeStore, Boolean, T> call) {
        int part = simulation.store().part(key);
        CompletableFuture<T> answer = new CompletableFuture<>();
        Fault fault = simulation.fault(instance, key, () -> random.nextInt(100));
        Kind kind = fault == null ? null : fault.kind();
        if (kind == Kind.REFUSES) {
            Throwable refused = new IllegalStateException("Connection refused");
            reply(() -> answer.completeExceptionally(refused), random.nextInt(4) * MICRO * 100);
            return answer;
        }
        if (kind == Kind.THROTTLES) {
            Throwable throttled = new StoreThrottledException(new IllegalStateException("too many calls"));
            reply(() -> answer.completeExceptionally(throttled), latency());
            return answer;
        }
        boolean breaks = kind == Kind.BREAKS_CONNECTIONS;
        if (breaks) {
            reply(
                    () -> answer.completeExceptionally(new TimeoutException("Connection reset")),
                    random.nextInt(4) * MICRO * 100);
        }
        if (kind == Kind.LOSES_CALLS || breaks && random.nextBoolean()) {
            return answer;
        }
        simulation.scheduler().after(arrival(part, fault) - process.nanoTime(), () -> {
            T value = call.apply(simulation.store(), false);
            if (kind == Kind.DELIVERS_TWICE && twice) {
                call.apply(simulation.store(), true);
            }
            if (kind != Kind.LOSES_REPLIES && !breaks) {
                reply(() -> answer.complete(value), latency());
            }
        });
        return answer;
    }

    private long arrival(int part, @Nullable Fault fault) {
        long arrival = process.nanoTime() + latency();
        if (fault != null && fault.kind() == Kind.HANGS) {
            arrival = Math.max(arrival, simulation.nanos(fault.until()));
        } else if (fault != null && fault.kind() == Kind.IS_SLOW) {
            arrival += random.nextLong(MOST_SLOW);
        }
        arrivals[part] = Math.max(arrival, arrivals[part] + MICRO);
        return arrivals[part];
    }

    private long latency() {
        return random.nextLong(MICRO, MOST_LATENCY);
    }

    private void reply(Runnable reply, long nanos) {
        simulation.scheduler().after(nanos, () -> {
            if (!process.isDead()) {
                reply.run();
            }
        });
    }

    private <T> CompletionStage<T> slots(
            String key, boolean twice, Function<ConcurrencyBackend, CompletionStage<T>> call) {
        return send(
                key,
                twice,
                (store, again) -> store.write(key, memory -> call.apply(memory.concurrency())
                        .toCompletableFuture()
                        .join()));
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return send(key, true, (store, again) -> store.acquire(policy, key, permits, again));
    }

    @Override
    public CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
        return send(key, true, (store, again) -> permits.stream()
                .map(cost -> store.acquire(policy, key, cost, again))
                .toList());
    }

    /** Decides keys of one part in one call, as stores do. */
    @Override
    public CompletionStage<List<Decision>> acquireAll(List<PermitRequest> requests) {
        boolean together = requests.stream()
                        .map(request -> simulation.store().part(request.key()))
                        .distinct()
                        .count()
                == 1;
        return together
                ? send(requests.get(0).key(), true, (store, again) -> store.acquireAll(requests, again))
                : new InTurn().acquireAll(requests);
    }

    /** One request for keys of several parts: decides them in turn, as the default of the interface does. */
    private final class InTurn implements RateLimitBackend {

        private final Map<Policy, Long> lost = new HashMap<>();

        @Override
        public CompletionStage<List<Decision>> acquireAll(List<PermitRequest> requests) {
            return RateLimitBackend.super.acquireAll(requests).thenApply(decisions -> {
                lost.forEach((policy, permits) -> simulation.ledger().of(policy).refundLost(permits));
                return decisions;
            });
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return Connection.this.acquire(policy, key, permits);
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
            return Connection.this
                    .refund(policy, key, permits, chargedAtMicros)
                    .whenComplete((done, failure) -> lost.merge(policy, failure == null ? 0 : permits, Long::sum));
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return Connection.this.peek(policy, key, permits);
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return Connection.this.reset(policy, key);
        }
    }

    /** A second delivery finds the reservation of the first. */
    @Override
    public CompletionStage<Decision> reserve(Policy policy, String key, UUID id, long permits, long ttlMicros) {
        return send(
                key,
                true,
                (store, again) -> store.write(key, memory -> memory.reserve(policy, key, id, permits, ttlMicros)
                        .join()));
    }

    @Override
    public CompletionStage<Reservation.Settlement> settle(
            Policy policy, String key, Reservation.Receipt receipt, long actual) {
        return send(
                key,
                true,
                (store, again) -> store.write(key, memory -> memory.settle(policy, key, receipt, actual)
                        .join()));
    }

    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return send(key, true, (store, again) -> {
                    store.block(policy, key, micros);
                    return true;
                })
                .thenApply(done -> null);
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return send(key, true, (store, again) -> store.peek(policy, key, permits));
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
        return send(key, false, (store, again) -> {
                    store.refund(policy, key, permits, chargedAtMicros);
                    return true;
                })
                .thenApply(done -> null);
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return send(key, true, (store, again) -> {
                    store.reset(policy, key);
                    return true;
                })
                .thenApply(done -> null);
    }

    @Override
    public String partition(Policy policy, String key) {
        return "part " + simulation.store().part(key);
    }

    @Override
    public ConcurrencyBackend concurrency() {
        return this;
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
        return slots(key, true, slots -> slots.acquire(policy, key, holder));
    }

    @Override
    public CompletionStage<Boolean> renew(Policy policy, String key, UUID holder) {
        return slots(key, true, slots -> slots.renew(policy, key, holder));
    }

    @Override
    public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
        return slots(key, true, slots -> slots.release(policy, key, holder).thenApply(done -> true))
                .thenApply(done -> null);
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key) {
        return slots(key, true, slots -> slots.peek(policy, key));
    }
}
