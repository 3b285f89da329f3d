package io.github.micronautratelimit.memory;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.LimitState;

/**
 * The place of one key's state, changed by compare-and-set only.
 *
 * <p>Holds nothing at first, then states, each a new object, so that a cell never returns to a state it has left. For a
 * moment it may hold a {@link Swap} that changes several cells at once; whoever meets one finishes it. In the end it is
 * retired and stays so: a cell that was taken out of the map must not be charged by one who still holds it.
 */
final class Cell {

    private static final Object RETIRED = new Object();
    private static final AtomicLong NEXT_RANK = new AtomicLong();

    /** Orders the cells of one swap, so that swaps never wait for each other in a circle. */
    final long rank = NEXT_RANK.getAndIncrement();

    private final AtomicReference<@Nullable Object> content;

    Cell(@Nullable LimitState initial) {
        content = new AtomicReference<>(initial);
    }

    /** The state; {@code null} if the cell says nothing, be it new or retired. */
    @Nullable LimitState state() {
        return settled() instanceof LimitState state ? state : null;
    }

    boolean isRetired() {
        return settled() == RETIRED;
    }

    private @Nullable Object settled() {
        Object seen = content.get();
        while (seen instanceof Swap swap) {
            swap.finish();
            seen = content.get();
        }
        return seen;
    }

    /** Puts a state in place of another, or of nothing. Fails if the cell holds anything else by now. */
    boolean replace(@Nullable LimitState expected, LimitState next) {
        return content.compareAndSet(expected, next);
    }

    /** Retires the cell if its state says nothing any more. */
    boolean retireIfBlank(long now) {
        Object seen = settled();
        boolean blank = seen == null || seen instanceof LimitState state && state.isBlank(now);
        return blank && content.compareAndSet(seen, RETIRED);
    }

    /** Retires the cell whatever it says. */
    void retire() {
        Object seen = settled();
        while (seen != RETIRED && !content.compareAndSet(seen, RETIRED)) {
            seen = settled();
        }
    }

    @Nullable Object content() {
        return content.get();
    }

    boolean replaceContent(@Nullable Object expected, @Nullable Object next) {
        return content.compareAndSet(expected, next);
    }
}
