package io.github.micronautratelimit.http;

import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.limit.ConcurrencyLimit.HoldUntil;
import io.micronaut.core.annotation.Internal;
import java.util.function.Function;

/**
 * Releases the slots of a request or call at the end that each policy names; see {@link HoldUntil}. Safe for use by any
 * number of threads.
 */
@Internal
public final class SlotRelease {

    private final CompletionCallbacks ended = new CompletionCallbacks();
    private final CompletionCallbacks completed = new CompletionCallbacks();

    /** Creates a release without slots. */
    public SlotRelease() {}

    /**
     * Holds the slots of a lease.
     *
     * @param lease   the lease, perhaps without slots
     * @param release returns a callback that releases a lease; it does not block and does not throw
     */
    public void hold(Lease lease, Function<Lease, Runnable> release) {
        Lease untilResponse = lease.heldUntil(HoldUntil.RESPONSE);
        if (untilResponse.hasSlots()) {
            ended.add(release.apply(untilResponse));
        }
        Lease untilCompletion = lease.heldUntil(HoldUntil.COMPLETION);
        if (untilCompletion.hasSlots()) {
            Runnable last = release.apply(untilCompletion);
            ended.add(() -> completed.add(last));
        }
    }

    /**
     * Adds a callback for {@link #end()}.
     *
     * @param callback does not block and does not throw
     */
    void onEnd(Runnable callback) {
        ended.add(callback);
    }

    /** The response is written, the client has disconnected, or the caller has cancelled the call. */
    public void end() {
        ended.run();
    }

    /** The method has ended, and with it the stage or the single value that it returned. */
    public void complete() {
        completed.run();
    }
}
