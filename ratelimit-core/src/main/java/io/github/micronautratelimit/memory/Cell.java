package io.github.micronautratelimit.memory;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicInteger;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.LimitState;
import io.github.micronautratelimit.TokenBucket;

/**
 * The place of one key's state, changed by compare-and-set only. It lives in up to three stages and never goes back:
 * <ol>
 *   <li>Metered. The cell of a policy that is a single token bucket keeps what is owed in one number, so that a decision
 *       is one compare-and-set on it and allocates nothing but its result. {@link #meter} tells the bucket's line: the
 *       units owed plus the units repaid since {@link #origin}. Anything but taking permits by that same bucket freezes
 *       the number: its sign bit is set, and the state it stood for becomes the content.</li>
 *   <li>General. The content is a {@link LimitState}, each a new object, so that a cell never returns to a state it has
 *       left; or nothing, for a cell that was never charged; or for a moment a {@link Swap} that changes several cells
 *       at once, and that whoever meets it finishes.</li>
 *   <li>Retired. The cell said nothing and was taken out of its map: whoever still holds it must not charge it.</li>
 * </ol>
 */
final class Cell {

    private static final Object RETIRED = new Object();
    private static final AtomicInteger LAST_RANK = new AtomicInteger();
    private static final VarHandle CONTENT = handle("content", Object.class);
    private static final VarHandle METER = handle("meter", long.class);
    private static final VarHandle RANK = handle("rank", int.class);
    private static final VarHandle LATEST = handle("latest", long.class);

    /** The sign bit of a meter. */
    private static final long FROZEN = Long.MIN_VALUE;

    private final @Nullable TokenBucket bucket;
    private final long origin;
    private volatile long meter;
    /**
     * The time of the latest charge, for callers whose clock is behind. Written before the meter, so whoever sees the
     * charge knows its time; of several at once the last to write stays, which may be microseconds behind another.
     */
    private long latest;
    private volatile @Nullable Object content;
    private volatile int rank;

    /** A general cell. */
    Cell() {
        this.bucket = null;
        this.origin = 0;
        this.meter = FROZEN;
    }

    /** A metered cell from which nothing is owed. */
    Cell(TokenBucket bucket, long origin) {
        this.bucket = bucket;
        this.origin = origin;
        this.latest = origin;
    }

    /**
     * What the meter shows, for {@link #take}. Read it before the clock: every charge it counts was then made at an
     * earlier reading, and nobody is denied for being a microsecond behind.
     */
    long meter() {
        return meter;
    }

    static boolean isRunning(long meter) {
        return meter >= 0;
    }

    /**
     * Takes permits from a metered cell. A cell that has been live for longer than can be counted, or whose limit has
     * changed, is frozen instead.
     *
     * <p>Who loses the race for the meter tries again without a look at the clock, which takes so long that the next race
     * would be lost too: {@link #latest} tells the winner's time. A denial, though, waits for a new reading.
     *
     * @param seen what {@link #meter()} showed
     * @param now  read after that
     * @return the decision; {@code null} if the meter is frozen by now, or takes a later reading of the clock: look again
     */
    @Nullable Decision take(TokenBucket asking, long permits, long seen, long now) {
        long shown = seen;
        while (true) {
            long latestTime = (long) LATEST.getOpaque(this);
            long time = Math.max(now, latestTime);
            long passed = time - origin;
            if (passed > asking.longestDripMicros() || !asking.equals(bucket)) {
                freeze();
                return null;
            }
            long repaid = passed * asking.unitsPerMicro();
            long owed = Math.max(0, shown - repaid);
            if (permits == 0 || !asking.admits(owed, permits)) {
                return shown == seen ? verdict(asking.state(time, owed), permits, now) : null;
            }
            if (time > latestTime) {
                LATEST.setOpaque(this, time);
            }
            long charged = owed + permits * asking.unitsPerPermit();
            long found = (long) METER.compareAndExchange(this, shown, repaid + charged);
            if (found == shown) {
                return new Decision.Allowed(asking.remaining(charged), asking.microsToRepay(charged) + time - now,
                        Decision.Source.STORE);
            }
            if (!isRunning(found)) {
                return null;
            }
            shown = found;
        }
    }

    private static Decision verdict(LimitState state, long permits, long now) {
        return state.admits(permits) ? state.grant(now) : state.denial(permits, now);
    }

    /** Makes a metered cell a general one; no more permits are taken by the meter. */
    void freeze() {
        long seen = meter;
        while (isRunning(seen)) {
            if (METER.compareAndSet(this, seen, seen | FROZEN)) {
                return;
            }
            seen = meter;
        }
    }

    /** The state the meter stands for, running or frozen. */
    private LimitState metered(TokenBucket by) {
        long shown = meter & ~FROZEN;
        long time = (long) LATEST.getOpaque(this);
        return by.state(time, Math.max(0, shown - (time - origin) * by.unitsPerMicro()));
    }

    /** The state; {@code null} if the cell says nothing, be it new or retired. */
    @Nullable LimitState state() {
        if (bucket != null && isRunning(meter)) {
            return metered(bucket);
        }
        return settled() instanceof LimitState state ? state : null;
    }

    boolean isRetired() {
        return !isRunning(meter) && settled() == RETIRED;
    }

    /** What a general cell holds when no swap is under way. */
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

    /**
     * Puts a state in place of another, or of nothing, in a frozen cell. Fails if the cell holds anything else by now.
     */
    boolean replace(@Nullable LimitState expected, LimitState next) {
        return replaceContent(expected, next);
    }

    /** Retires the cell if its state says nothing any more. A meter that is in use meanwhile stays one. */
    boolean retireIfBlank(long now) {
        long shown = meter;
        LimitState before = state();
        if (before != null && !before.isBlank(now)
                || isRunning(shown) && !METER.compareAndSet(this, shown, shown | FROZEN)) {
            return false;
        }
        Object seen = settled();
        boolean blank = seen == null || seen instanceof LimitState state && state.isBlank(now);
        return blank && replaceContent(seen, RETIRED);
    }

    /** Retires the cell whatever it says. */
    void retire() {
        freeze();
        Object seen = settled();
        while (seen != RETIRED && !replaceContent(seen, RETIRED)) {
            seen = settled();
        }
    }

    /** Orders the cells of one swap, so that swaps never wait for each other in a circle. Given when first asked for. */
    int rank() {
        int given = rank;
        while (given == 0) {
            RANK.compareAndSet(this, 0, LAST_RANK.incrementAndGet());
            given = rank;
        }
        return given;
    }

    @Nullable Object content() {
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
