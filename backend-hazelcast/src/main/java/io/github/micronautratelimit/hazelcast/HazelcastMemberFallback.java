package io.github.micronautratelimit.hazelcast;

import com.hazelcast.core.EntryView;
import com.hazelcast.map.IMap;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.hazelcast.KeyProcessor.Outcome;
import io.github.micronautratelimit.hazelcast.KeyProcessor.StateWriter;
import io.github.micronautratelimit.limit.StateCodec;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Executes operations on this instance while a member of the cluster cannot, because it lacks this library or has an
 * older version. So the library can be rolled out to a running cluster.
 *
 * <p><em>When.</em> The fallback {@linkplain #isNeeded() is needed} until every member that stores data has confirmed
 * that it has the library, see {@link MemberChecks}. One member without it is enough: it may hold the backup of any
 * key, and a caller would wait for that backup for seconds. The fallback is also needed for 30 s after a member has
 * {@linkplain #rejected rejected} an operation.
 *
 * <p><em>How.</em> {@link #execute} reads the entry, applies the operation here, and replaces the entry if no other
 * caller has changed it in between. Otherwise it starts again, for up to 1 s. Entries have the same format as those
 * that members write. Decisions are therefore exact, even if other instances call the members at the same time.
 *
 * <p><em>Cost.</em> A denial takes one round trip and a grant two. A thread is blocked meanwhile, and after a grant
 * for two more round trips, which set the expiry of the entry. The clock of this machine decides instead of the
 * cluster's.
 */
final class HazelcastMemberFallback {

    /** Returned by {@link #lastRejection()} if no member has rejected an operation. */
    static final long NONE = Long.MIN_VALUE;

    private static final Logger LOG = LoggerFactory.getLogger(HazelcastMemberFallback.class);
    private static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(30);
    private static final long EXECUTE_TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final MemberChecks checks;
    private final Function<String, Executor> blocking;
    private final MicroClock clock;
    private final long extraLifeMillis;
    private final AtomicLong rejectedAt = new AtomicLong(NONE);

    /**
     * Creates a fallback.
     *
     * @param checks   knows which members have the library
     * @param blocking returns what runs the operations on a key, which block their thread
     * @param clock    decides instead of the system clock, for tests; or {@code null}
     */
    HazelcastMemberFallback(MemberChecks checks, Function<String, Executor> blocking, @Nullable MicroClock clock) {
        this.checks = checks;
        this.blocking = blocking;
        this.clock = clock == null ? MicroClock.system() : clock;
        this.extraLifeMillis = clock == null ? 0 : StateWriter.EXTENSION_MILLIS;
    }

    /** Returns whether operations must be executed here instead of by the members. */
    boolean isNeeded() {
        return !checks.allConfirmed() || wasRejectedLately();
    }

    // Operations that a member has rejected

    private boolean wasRejectedLately() {
        long rejected = rejectedAt.get();
        return rejected != NONE && System.nanoTime() - rejected < RETRY_NANOS;
    }

    /** Records that a member could not deserialize an operation. */
    void rejected(Throwable failure) {
        if (rejectedAt.getAndSet(System.nanoTime()) == NONE) {
            LOG.warn(
                    "A member has an older version of micronaut-ratelimit-hazelcast, or none ({}). This instance "
                            + "decides, which is slower. Add this version to the class path of the members.",
                    failure.getMessage());
        }
    }

    /** Identifies the last rejection, for a call that starts now. */
    long lastRejection() {
        return rejectedAt.get();
    }

    /** Records that a call has succeeded that started after this rejection, unless there has been another one since. */
    void accepted(long rejection) {
        if (rejectedAt.compareAndSet(rejection, NONE)) {
            LOG.info("The members execute operations again. The members decide.");
        }
    }

    // Execution on this instance

    /**
     * Executes an operation on this instance.
     *
     * @param entries   the entries of all keys
     * @param key       the key of the entry
     * @param operation the operation
     * @param result    makes the result from the decisions
     * @return completes on a thread of the blocking executor; fails if too many callers change the entry
     */
    <T> CompletableFuture<T> execute(
            IMap<String, byte[]> entries, String key, KeyProcessor operation, Function<List<Decision>, T> result) {
        CompletableFuture<T> stage = new CompletableFuture<>();
        blocking.apply(key).execute(() -> {
            try {
                execute(entries, key, operation, result, stage);
            } catch (RuntimeException e) {
                stage.completeExceptionally(e);
            }
        });
        return stage;
    }

    private <T> void execute(
            IMap<String, byte[]> entries,
            String key,
            KeyProcessor operation,
            Function<List<Decision>, T> result,
            CompletableFuture<T> stage) {
        long start = System.nanoTime();
        while (System.nanoTime() - start < EXECUTE_TIMEOUT_NANOS) {
            byte[] stored = read(entries, key);
            long now = clock.micros();
            Outcome outcome = operation.apply(stored, now);
            StateWriter change = outcome.change();
            if (change == null) {
                stage.complete(result.apply(outcome.decisions()));
                return;
            }
            long life = Math.max(change.lifeMillis(), operation.maxLifeMillis(now)) + extraLifeMillis;
            if (stored == null && entries.putIfAbsent(key, change.state(), life, TimeUnit.MILLISECONDS) == null) {
                stage.complete(result.apply(outcome.decisions()));
                return;
            }
            if (stored != null && entries.replace(key, stored, change.state())) {
                stage.complete(result.apply(outcome.decisions()));
                setExpiry(entries, key, life);
                return;
            }
        }
        throw new IllegalStateException("Too many instances changed the key at once for compare-and-replace; add "
                + "micronaut-ratelimit-hazelcast to the class path of the members.");
    }

    /**
     * Reads an entry from the member that owns it. {@code IMap.get} would read a near cache if there is one for this
     * map: by a stale state, a key could be denied for a whole period after others have reset it.
     */
    static byte @Nullable [] read(IMap<String, byte[]> entries, String key) {
        EntryView<String, byte[]> entry = entries.getEntryView(key);
        return entry == null ? null : entry.getValue();
    }

    /**
     * Sets the expiry of an entry, because replacing its value has removed it. Other callers may have replaced the
     * entry since, and it must not expire before their state is empty. The life is therefore the longest that these
     * limits can need. Others may also have blocked the key, or use longer limits, so the entry is read again.
     */
    private void setExpiry(IMap<String, byte[]> entries, String key, long lifeMillis) {
        try {
            long set = 0;
            for (long needed = lifeMillis; needed > set; needed = lifeMillis(read(entries, key))) {
                entries.setTtl(key, needed, TimeUnit.MILLISECONDS);
                set = needed;
            }
        } catch (RuntimeException e) {
            LOG.debug("The expiry of an entry could not be set. The entry stays until its key is used again.", e);
        }
    }

    private long lifeMillis(byte @Nullable [] state) {
        if (state == null) {
            return 0;
        }
        long now = clock.micros();
        long resetAfter = StateCodec.isSlots(state)
                ? StateCodec.readSlots(state).resetAfter(now)
                : StateCodec.readState(state).expiresAfter(now);
        return StateWriter.lifeMillis(resetAfter) + extraLifeMillis;
    }
}
