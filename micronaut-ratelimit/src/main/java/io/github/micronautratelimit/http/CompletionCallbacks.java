package io.github.micronautratelimit.http;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Callbacks that run exactly once, when a call or request ends. Later signals of the end are ignored, and callbacks
 * that are added after it run at once. Safe for use by any number of threads.
 */
final class CompletionCallbacks {

    /** {@code null} after the end. */
    private @Nullable List<Runnable> callbacks = new ArrayList<>(2);

    /**
     * Adds a callback.
     *
     * @param callback does not block and does not throw
     */
    void add(Runnable callback) {
        synchronized (this) {
            if (callbacks != null) {
                callbacks.add(callback);
                return;
            }
        }
        callback.run();
    }

    /** Runs the callbacks in the order in which they were added; does nothing after the first call. */
    void run() {
        List<Runnable> all;
        synchronized (this) {
            all = callbacks;
            callbacks = null;
        }
        if (all != null) {
            all.forEach(Runnable::run);
        }
    }
}
