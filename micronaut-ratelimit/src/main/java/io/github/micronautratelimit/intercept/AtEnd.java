package io.github.micronautratelimit.intercept;

import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * What is to be done when a call or request ends, once, however often and by whomever it is said to have ended. What
 * comes later than the end is done at once. Safe for use by any number of threads.
 */
public final class AtEnd {

    /** {@code null} after the end. */
    private @Nullable List<Runnable> toDo = new ArrayList<>(2);

    AtEnd() {
    }

    /**
     * Adds something to do.
     *
     * @param last does not block and does not throw
     */
    public void add(Runnable last) {
        synchronized (this) {
            if (toDo != null) {
                toDo.add(last);
                return;
            }
        }
        last.run();
    }

    /** This is the end. */
    public void end() {
        List<Runnable> all;
        synchronized (this) {
            all = toDo;
            toDo = null;
        }
        if (all != null) {
            all.forEach(Runnable::run);
        }
    }
}
