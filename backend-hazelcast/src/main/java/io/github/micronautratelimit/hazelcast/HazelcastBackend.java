package io.github.micronautratelimit.hazelcast;

import com.hazelcast.core.HazelcastInstance;
import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimitBackend.SharedRecord;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.limit.StateCodec;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the state of keys in a Hazelcast map, for members and clients of a cluster alike.
 *
 * <pre>{@code
 * RateLimiter limiter = RateLimiter.builder(new HazelcastBackend(hazelcast)).build();
 * }</pre>
 *
 * <p><em>Decisions.</em> A decision is one invocation, regardless of the number of limits, and one atomic step on the
 * member that owns the key. The clock of the cluster decides, with a resolution of one millisecond. A denial writes
 * nothing and calls no backup. A request with several policies acquires them one after the other, and refunds them if
 * one denies.
 *
 * <p><em>Calendar quotas.</em> The member that owns the key knows the rules of time zones from its Java runtime, and
 * decides by them and by the clock of the cluster. If a member does not know a time zone, or has a version of this
 * library without calendar quotas, the instance decides them as it does beside members without the library.
 *
 * <p><em>Entries.</em> The map is <code>ratelimit:namespace</code>, and the keys in it are <code>policy:hash</code>.
 * The hash is {@link KeyHash#brief}, so the map reveals no identity. An entry expires once all its permits are free.
 *
 * <p><em>Members.</em> Members need this library on their class path, and no configuration. While a member lacks it,
 * or has an older version that does not know an operation, the instance decides by compare-and-replace on the same
 * entries. Decisions remain exact, but need up to two round trips, block a thread, use the clock of this machine, and
 * are slow for a hot key. When the last member has the library, the members decide.
 *
 * <p><em>Failures.</em> No method blocks the caller, and stages complete on threads of this backend. A failed call
 * may take as long as the timeouts of Hazelcast, up to minutes, so the backend needs the guard that
 * {@link io.github.micronautratelimit.RateLimiter#builder} adds. An entry that is not a valid state, or is of a newer
 * version, is a {@link io.github.micronautratelimit.NonRetryableStoreException}. If an answer is lost, the call may
 * have been executed. If a client loses the member that it called, it calls again, which costs the permits at most
 * twice.
 */
public final class HazelcastBackend implements RateLimitBackend {

    private static final String DEFAULT_NAMESPACE = "ratelimit";

    private static final Function<List<Decision>, Decision> FIRST = decisions -> decisions.get(0);

    private final HazelcastInstance hazelcast;
    private final String namespace;
    private final RateLimitMap map;
    private final @Nullable MicroClock clock;
    private final boolean ownsInstance;
    private final ConcurrencyBackend slots = new Slots();

    /**
     * Creates a backend on a Hazelcast instance with the namespace {@code ratelimit}. The caller owns the instance and
     * shuts it down.
     *
     * @param hazelcast a member or a client
     */
    public HazelcastBackend(HazelcastInstance hazelcast) {
        this(hazelcast, DEFAULT_NAMESPACE);
    }

    /**
     * Creates a backend on a Hazelcast instance. The caller owns the instance and shuts it down.
     *
     * @param hazelcast a member or a client
     * @param namespace names the map. Applications that share a cluster, but not their limits, use different namespaces
     */
    public HazelcastBackend(HazelcastInstance hazelcast, String namespace) {
        this(hazelcast, namespace, null, false);
    }

    /** Creates a backend that logs all warnings about the cluster. */
    HazelcastBackend(HazelcastInstance hazelcast, String namespace, @Nullable MicroClock clock, boolean ownsInstance) {
        this(hazelcast, namespace, clock, ownsInstance, ClusterWarning.Log.ALL);
    }

    /**
     * Creates a backend.
     *
     * @param clock        decides instead of the clock of the cluster, for tests; entries then live an hour longer
     * @param ownsInstance whether to shut down the instance with the backend
     * @param warnings     receives warnings about the cluster
     */
    HazelcastBackend(
            HazelcastInstance hazelcast,
            String namespace,
            @Nullable MicroClock clock,
            boolean ownsInstance,
            ClusterWarning.Log warnings) {
        this.hazelcast = hazelcast;
        this.namespace = namespace;
        this.map = new RateLimitMap(hazelcast, namespace, clock, warnings);
        this.clock = clock;
        this.ownsInstance = ownsInstance;
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return execute(PermitProcessor.Kind.ACQUIRE, policy, key, List.of(permits), FIRST);
    }

    @Override
    public CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
        return permits.isEmpty()
                ? CompletableFuture.completedStage(List.of())
                : execute(PermitProcessor.Kind.ACQUIRE, policy, key, List.copyOf(permits), Function.identity());
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return execute(PermitProcessor.Kind.PEEK, policy, key, List.of(permits), FIRST);
    }

    /**
     * Reads the entry as it is, so that members of any version can answer. A client counts by the clock of its machine.
     */
    @Override
    public CompletionStage<List<Limit.Usage>> usage(Policy policy, String key) {
        return map.read(permitsOf(policy, key), (stored, now) -> LimitState.carryOver(
                        policy.rateLimits(), stored == null ? null : StateCodec.readState(stored), now)
                .usage(now));
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
        return execute(PermitProcessor.Kind.REFUND, policy, key, List.of(permits, chargedAtMicros), decisions -> null);
    }

    @Override
    public CompletionStage<Decision> reserve(Policy policy, String key, UUID id, long permits, long ttlMicros) {
        List<Long> amounts = PermitProcessor.reservation(id, permits, ttlMicros, policy.reservations());
        return execute(PermitProcessor.Kind.RESERVE, policy, key, amounts, FIRST);
    }

    @Override
    public CompletionStage<Reservation.Settlement> settle(
            Policy policy, String key, Reservation.Receipt receipt, long actual) {
        List<Long> amounts = PermitProcessor.settlement(receipt, actual, policy.reservations());
        return execute(PermitProcessor.Kind.SETTLE, policy, key, amounts, PermitProcessor::settled);
    }

    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return execute(PermitProcessor.Kind.BLOCK, policy, key, List.of(micros), decisions -> null);
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return map.remove(permitsOf(policy, key));
    }

    private <T> CompletionStage<T> execute(
            PermitProcessor.Kind kind,
            Policy policy,
            String key,
            List<Long> amounts,
            Function<List<Decision>, T> result) {
        return map.execute(
                permitsOf(policy, key), new PermitProcessor(kind, policy.rateLimits(), amounts, clock), result);
    }

    private static String permitsOf(Policy policy, String key) {
        return policy.stateName() + ":" + KeyHash.brief(key);
    }

    /** The suffix is unambiguous: no hash of a key is so short. */
    private static String slotsOf(Policy policy, String key) {
        return policy.stateName() + ":" + KeyHash.brief(key) + ":c";
    }

    /** Returns {@code true}: each call is an invocation, so callers of one key should share calls. */
    @Override
    public boolean prefersCoalescing() {
        return true;
    }

    /** Returns the address of the member that owns the key now. */
    @Override
    public String partition(Policy policy, String key) {
        return map.ownerOf(policy.rateLimits().isEmpty() ? slotsOf(policy, key) : permitsOf(policy, key));
    }

    @Override
    public ConcurrencyBackend concurrency() {
        return slots;
    }

    /** Returns the text of an entry in the map {@code ratelimit-records:namespace}. It ends with the last member. */
    @Override
    public SharedRecord sharedRecord(String name) {
        return new HazelcastRecord(hazelcast, map, namespace, name);
    }

    /** Stops the threads of this backend. The Hazelcast instance that it was given continues. Idempotent. */
    @Override
    public void close() {
        if (ownsInstance) {
            hazelcast.shutdown();
        }
        map.close();
    }

    /** Keeps the slots of a key in an entry beside the entry of its permits. */
    private final class Slots implements ConcurrencyBackend {

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
            return execute(SlotProcessor.Kind.ACQUIRE, policy, key, holder, FIRST);
        }

        @Override
        public CompletionStage<Boolean> renew(Policy policy, String key, UUID holder) {
            return execute(SlotProcessor.Kind.RENEW, policy, key, holder, decisions -> decisions
                    .get(0)
                    .allowed());
        }

        @Override
        public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
            return execute(SlotProcessor.Kind.RELEASE, policy, key, holder, decisions -> null);
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key) {
            return execute(SlotProcessor.Kind.PEEK, policy, key, null, FIRST);
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return map.remove(slotsOf(policy, key));
        }

        private <T> CompletionStage<T> execute(
                SlotProcessor.Kind kind,
                Policy policy,
                String key,
                @Nullable UUID holder,
                Function<List<Decision>, T> result) {
            return map.execute(
                    slotsOf(policy, key), new SlotProcessor(kind, policy.requireConcurrency(), holder, clock), result);
        }
    }
}
