package io.github.micronautratelimit.memory;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.limit.TokenBucket;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The state of one key. It changes by compare-and-set only.
 *
 * <p><em>Stages.</em> A cell passes through up to three stages and never returns to an earlier one.
 * <ol>
 *   <li>Metered, for a policy with a single token bucket. One number, the {@link #meter}, contains the debt of the
 *       bucket. A decision is one compare-and-set on it and allocates only its result.</li>
 *   <li>General. The {@link #content} is a {@link LimitState}, or {@code null} for a cell that was never charged, or
 *       for a short time a {@link Swap}.</li>
 *   <li>Retired. The key was blank and its cell has been removed from the map. A thread that still has the cell must
 *       not charge it.</li>
 * </ol>
 *
 * <p><em>Meter.</em> The meter is the debt plus the units repaid since {@link #origin}, so it grows only by charges.
 * Every operation other than a charge by the same bucket freezes it: the sign bit is set, and the state it stood for
 * becomes the content.
 *
 * <p><em>Content.</em> Each state is a new object, so a cell never returns to a state that it has left. A thread that
 * finds a {@link Swap}, which changes several cells at once, finishes it first.
 *
 * <p><em>Time.</em> The clocks of threads may be some microseconds apart. {@link #latest} is the time of the latest
 * charge; a thread whose clock is behind uses it instead of its own time.
 */
final class Cell {

    private static final Object RETIRED = new Object();
    private static final AtomicInteger LAST_RANK = new AtomicInteger();
    private static final VarHandle CONTENT = handle("content", Object.class);
    private static final VarHandle METER = handle("meter", long.class);
    private static final VarHandle RANK = handle("rank", int.class);
    private static final VarHandle LATEST = handle("latest", long.class);

    /** The sign bit, set in a frozen meter. */
    private static final long FROZEN = Long.MIN_VALUE;

    /** About two microseconds on x86, which is some dozens of decisions. */
    private static final int MOST_SPINS = 64;

    private final @Nullable TokenBucket bucket;
    private final long origin;
    private volatile long meter;
    /**
     * Written before the meter, so a thread that sees the charge sees its time. If several charges
     * are made at the same time, the last write stays, which may be some microseconds behind another.
     */
    @SuppressWarnings("UnusedVariable") // read by LATEST
    private long latest;

    private volatile @Nullable Object content;
    private volatile int rank;

    /** Creates a general cell. */
    Cell() {
        this.bucket = null;
        this.origin = 0;
        this.meter = FROZEN;
    }

    /** Creates a metered cell without a debt. */
    Cell(TokenBucket bucket, long origin) {
        this.bucket = bucket;
        this.origin = origin;
        this.latest = origin;
    }

    /**
     * Returns the meter for {@link #take}. Callers read the clock afterwards: every charge in the meter is then older
     * than their time, so no request is denied because its clock is a microsecond behind.
     */
    long meter() {
        return meter;
    }

    static boolean isRunning(long meter) {
        return meter >= 0;
    }

    /**
     * Takes permits from a metered cell. Freezes the cell instead if its limit has changed or its time exceeds the
     * arithmetic of the bucket.
     *
     * @param limit the bucket of the request
     * @param seen  the result of {@link #meter()}
     * @param now   the time, read after the meter
     * @return the decision; {@code null} if the caller has to start over, because the meter is frozen or another
     *         thread has charged it
     */
    @Nullable
    Decision take(TokenBucket limit, long permits, long seen, long now) {
        long time = Math.max(now, (long) LATEST.getOpaque(this));
        if (!isMetered(limit, time)) {
            return null;
        }
        long debt = debt(limit, seen, time);
        if (permits == 0 || !limit.admits(debt, permits)) {
            return Decision.peek(limit.state(time, debt), permits, now);
        }
        long charged = debt + permits * limit.unitsPerPermit();
        return charge(limit, seen, charged, time) ? allowed(limit, charged, time, now) : null;
    }

    /**
     * Charges as many permits as fit, without a decision.
     *
     * @return {@code false} if the caller has to start over, as after {@link #take}
     */
    boolean chargeFitting(TokenBucket limit, long permits, long seen, long now) {
        long time = Math.max(now, (long) LATEST.getOpaque(this));
        if (!isMetered(limit, time)) {
            return false;
        }
        long debt = debt(limit, seen, time);
        long fitting = limit.admits(debt, permits) ? permits : limit.remaining(debt);
        return fitting == 0 || charge(limit, seen, debt + fitting * limit.unitsPerPermit(), time);
    }

    /** Returns whether the meter counts for a limit at this time. Freezes it otherwise. */
    private boolean isMetered(TokenBucket limit, long time) {
        if (time - origin <= limit.longestDripMicros() && limit.equals(bucket)) {
            return true;
        }
        freeze();
        return false;
    }

    private long debt(TokenBucket limit, long seen, long time) {
        return Math.max(0, seen - (time - origin) * limit.unitsPerMicro());
    }

    /**
     * Sets the debt. A thread that loses the race waits for a random time: until then the winner has the cache line to
     * itself, which makes it several times as fast.
     */
    private boolean charge(TokenBucket limit, long seen, long debt, long time) {
        if (time > (long) LATEST.getOpaque(this)) {
            LATEST.setOpaque(this, time);
        }
        if (METER.compareAndSet(this, seen, (time - origin) * limit.unitsPerMicro() + debt)) {
            return true;
        }
        for (int spins = ThreadLocalRandom.current().nextInt(MOST_SPINS); spins > 0; spins--) {
            Thread.onSpinWait();
        }
        return false;
    }

    /** A caller whose clock is behind waits longer, but never longer than the limit can need. */
    private static Decision allowed(TokenBucket limit, long debt, long time, long now) {
        long lag = time - now;
        long remaining = limit.remaining(debt);
        long reset = limit.microsToRepay(debt);
        long next = limit.microsToNextPermit(debt, remaining);
        if (lag == 0) {
            return new Decision.Allowed(remaining, reset, Decision.Source.STORE, next, now);
        }
        long longest = limit.longestResetMicros();
        return new Decision.Allowed(
                remaining, Math.min(reset + lag, longest), Decision.Source.STORE, Math.min(next + lag, longest), now);
    }

    /** Makes a metered cell a general one. The meter takes no more permits. */
    void freeze() {
        long seen = meter;
        while (isRunning(seen)) {
            if (METER.compareAndSet(this, seen, seen | FROZEN)) {
                return;
            }
            seen = meter;
        }
    }

    /** Returns the state of a running or frozen meter. */
    private LimitState metered(TokenBucket limit) {
        long units = meter & ~FROZEN;
        long time = (long) LATEST.getOpaque(this);
        return limit.state(time, Math.max(0, units - (time - origin) * limit.unitsPerMicro()));
    }

    /** Returns the state; {@code null} if the cell was never charged or is retired. */
    @Nullable
    LimitState state() {
        if (bucket != null && isRunning(meter)) {
            return metered(bucket);
        }
        return settled() instanceof LimitState state ? state : null;
    }

    boolean isRetired() {
        return !isRunning(meter) && settled() == RETIRED;
    }

    /** Returns the content of a general cell after every swap in it is finished. */
    private @Nullable Object settled() {
        if (content == null && bucket != null) {
            CONTENT.compareAndSet(this, null, metered(bucket));
        }
        Object seen = content;
        while (seen instanceof Swap swap) {
            swap.finish();
            seen = content;
        }
        return seen;
    }

    /** Replaces the state of a frozen cell, or {@code null}. Fails if the cell has changed in the meantime. */
    boolean replace(@Nullable LimitState expected, LimitState next) {
        return replaceContent(expected, next);
    }

    /** Retires the cell if its state is blank. A meter that is charged in the meantime stays a meter. */
    boolean retireIfBlank(long now) {
        long seen = meter;
        LimitState before = state();
        if (before != null && !before.isBlank(now)
                || isRunning(seen) && !METER.compareAndSet(this, seen, seen | FROZEN)) {
            return false;
        }
        Object found = settled();
        boolean blank = found == null || found instanceof LimitState state && state.isBlank(now);
        return blank && replaceContent(found, RETIRED);
    }

    /** Retires the cell with any state. */
    void retire() {
        freeze();
        Object seen = settled();
        while (seen != RETIRED && !replaceContent(seen, RETIRED)) {
            seen = settled();
        }
    }

    /**
     * Returns the position of this cell in the order of all swaps, so that swaps never wait for each other in a circle.
     */
    int rank() {
        int given = rank;
        while (given == 0) {
            RANK.compareAndSet(this, 0, LAST_RANK.incrementAndGet());
            given = rank;
        }
        return given;
    }

    @Nullable
    Object content() {
        return content;
    }

    boolean replaceContent(@Nullable Object expected, @Nullable Object next) {
        return CONTENT.compareAndSet(this, expected, next);
    }

    private static VarHandle handle(String field, Class<?> type) {
        try {
            return MethodHandles.lookup().findVarHandle(Cell.class, field, type);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }
}
