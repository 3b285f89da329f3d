package io.github.micronautratelimit.memory;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.LimitState;

/**
 * Changes several cells in one atomic step, without locks.
 *
 * <p>First the swap puts itself into every cell that still holds the expected state, in the order of their ranks. Then
 * its outcome is settled, once. Then it is replaced in every cell, by the new states or by the expected ones. Anybody
 * who meets a swap in a cell does all of this too, so nobody waits for a thread that does not run.
 *
 * <p>(After Harris, Fraser and Pratt, "A practical multi-word compare-and-swap operation", DISC 2002. Their second,
 * conditional compare-and-set is not needed: a cell never returns to a state it has left, so once a swap has succeeded
 * a latecomer cannot put it into a cell again, and a failed one that a latecomer puts back is taken out by its outcome.)
 */
final class Swap {

    private static final int OPEN = 0;
    private static final int SUCCEEDED = 1;
    private static final int FAILED = 2;

    private final List<Change> changes;
    private final AtomicInteger outcome = new AtomicInteger(OPEN);

    /** One cell's part: what it must hold and what it shall hold. */
    record Change(Cell cell, @Nullable LimitState expected, LimitState next) {
    }

    /** A swap of the given cells, in ascending rank, none of them twice. */
    Swap(List<Change> changes) {
        this.changes = changes;
    }

    /** Completes the swap, by whomever it was begun, and says whether it changed the cells. */
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
