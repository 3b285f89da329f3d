package io.github.micronautratelimit.memory;

import io.github.micronautratelimit.limit.LimitState;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Changes several cells in one atomic step, without locks.
 *
 * <p>The swap first puts itself into every cell that still has the expected state, in the order of their ranks. Then
 * its outcome is decided once. Finally it is replaced in every cell by the new state, or by the expected state if it
 * failed. A thread that finds a swap in a cell executes these steps too, so no thread waits for another.
 *
 * <p>The algorithm is that of Harris, Fraser and Pratt, "A practical multi-word compare-and-swap operation", DISC 2002.
 * Their second, conditional compare-and-set is not needed, because a cell never returns to a state that it has left. A
 * late thread therefore cannot put a swap that has succeeded into a cell again. If it puts a failed swap into a cell,
 * the outcome removes it.
 */
final class Swap {

    private static final int OPEN = 0;
    private static final int SUCCEEDED = 1;
    private static final int FAILED = 2;

    private final List<Change> changes;
    private final AtomicInteger outcome = new AtomicInteger(OPEN);

    /** The expected and the new state of one cell. */
    record Change(Cell cell, @Nullable LimitState expected, LimitState next) {}

    /** Creates a swap of different cells in ascending rank. */
    Swap(List<Change> changes) {
        this.changes = changes;
    }

    /** Completes the swap, which any thread may have begun, and returns whether it changed the cells. */
    boolean finish() {
        for (Change change : changes) {
            if (!claim(change)) {
                outcome.compareAndSet(OPEN, FAILED);
                break;
            }
        }
        outcome.compareAndSet(OPEN, SUCCEEDED);
        boolean succeeded = outcome.get() == SUCCEEDED;
        for (Change change : changes) {
            change.cell.replaceContent(this, succeeded ? change.next : change.expected);
        }
        return succeeded;
    }

    private boolean claim(Change change) {
        while (outcome.get() == OPEN) {
            Object seen = change.cell.content();
            if (seen == this) {
                return true;
            }
            if (seen instanceof Swap other) {
                other.finish();
            } else if (seen != change.expected) {
                return false;
            } else if (change.cell.replaceContent(seen, this)) {
                return true;
            }
        }
        return outcome.get() == SUCCEEDED;
    }
}
