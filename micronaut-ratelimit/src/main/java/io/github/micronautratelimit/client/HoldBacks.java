package io.github.micronautratelimit.client;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The instants until which this instance holds calls back, by partition. They apply at once, before the store has them,
 * and while it is unavailable. If several answers hold back, the latest instant counts.
 *
 * <p><em>Bound.</em> At most {@value #MAX_PARTITIONS} partitions are remembered. If more are held back at a time, the
 * store alone holds back the others.
 *
 * <p>Knows no clock: instants are nanoseconds of {@link System#nanoTime()}. Safe for use by any number of threads.
 */
final class HoldBacks {

    static final int MAX_PARTITIONS = 10_000;

    /** A later end is worth a call of the store only if it is later by more than this. Answers come in bunches. */
    private static final long TOLERANCE_NANOS = 50_000_000;

    private static final long FIRST_UNKNOWN_NANOS = 1_000_000_000;
    private static final int MOST_DOUBLINGS = 20;
    private static final CompletionStage<?> DONE = CompletableFuture.completedFuture(null);

    private final ConcurrentHashMap<Partition, Hold> holds = new ConcurrentHashMap<>();

    /** Stores the end of a hold. */
    interface Store {

        /** Blocks the key for a number of nanoseconds; completes when the store has answered. */
        CompletionStage<?> block(long nanos);
    }

    /** The unit that a service counts separately: a client of the configuration, and a key. */
    record Partition(String client, String key) {}

    /**
     * A held partition.
     *
     * @param untilNanos the end
     * @param unknown    the denials in a row that did not say for how long
     * @param stored     completes when the store has the end, or has failed
     */
    private record Hold(long untilNanos, int unknown, CompletionStage<?> stored) {

        boolean isOver(long now) {
            return untilNanos - now <= 0;
        }
    }

    /**
     * Holds back a partition, if that is not already so.
     *
     * @param nanos   how long, more than 0; 0 or less if the answer did not say: one second then, and twice as long for
     *                each further denial without a success
     * @param longest the upper bound
     * @param store   stores the end if it moves
     * @return the nanoseconds that the end moves by; 0 if it does not move
     */
    long hold(Partition partition, long nanos, long longest, long now, Store store) {
        Hold last = holds.get(partition);
        if (last == null && !hasRoom(now)) {
            store.block(Math.min(longest, nanos <= 0 ? FIRST_UNKNOWN_NANOS : nanos));
            return 0;
        }
        long[] moved = {0};
        CompletableFuture<Object> stored = new CompletableFuture<>();
        Hold held = holds.compute(partition, (key, old) -> {
            moved[0] = 0;
            boolean over = old == null || old.isOver(now);
            boolean isUnknown = nanos <= 0;
            if (isUnknown && !over) {
                return old; // a call that was under way
            }
            int unknown = old == null ? 0 : old.unknown;
            long length =
                    Math.min(longest, isUnknown ? FIRST_UNKNOWN_NANOS << Math.min(MOST_DOUBLINGS, unknown) : nanos);
            long until = now + length;
            if (old != null && !over && until - old.untilNanos <= TOLERANCE_NANOS) {
                return old;
            }
            moved[0] = old == null || over ? length : until - old.untilNanos;
            return new Hold(until, isUnknown ? unknown + 1 : unknown, stored);
        });
        if (moved[0] > 0) {
            store.block(held.untilNanos - now).whenComplete((done, failure) -> stored.complete(true));
        }
        return moved[0];
    }

    private boolean hasRoom(long now) {
        if (holds.size() < MAX_PARTITIONS) {
            return true;
        }
        holds.values().removeIf(hold -> hold.isOver(now));
        return holds.size() < MAX_PARTITIONS;
    }

    /** Forgets the denials in a row of a partition, because the service has served a call. */
    void served(Partition partition, long now) {
        Hold last = holds.get(partition);
        if (last != null && last.isOver(now)) {
            holds.remove(partition, last);
        }
    }

    /** Returns for how long a partition is still held back, in nanoseconds; 0 if it is not. */
    long restNanos(Partition partition, long now) {
        Hold hold = holds.get(partition);
        return hold == null ? 0 : Math.max(0, hold.untilNanos - now);
    }

    /** Returns a stage that completes when the store knows the end, or has failed. */
    CompletionStage<?> stored(Partition partition) {
        Hold hold = holds.get(partition);
        return hold == null ? DONE : hold.stored;
    }

    /** Returns the partitions that are remembered. */
    int size() {
        return holds.size();
    }
}
