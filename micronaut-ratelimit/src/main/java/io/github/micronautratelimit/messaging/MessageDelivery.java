package io.github.micronautratelimit.messaging;

import io.github.micronautratelimit.Lease;
import io.micronaut.core.annotation.Internal;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A delivery of messages to a listener on the current thread, by a client that can deliver the same messages again. A
 * listener whose limits are exceeded postpones the delivery, so that its thread continues with the work of the client,
 * and the messages stay unread.
 */
@Internal
public abstract class MessageDelivery {

    private static final ThreadLocal<MessageDelivery> CURRENT = new ThreadLocal<>();

    MessageDelivery() {}

    /**
     * Returns the delivery that the current thread makes.
     *
     * @return the delivery; {@code null} if the client cannot deliver again, or the thread is not its own
     */
    public static @Nullable MessageDelivery current() {
        return CURRENT.get();
    }

    /** Begins deliveries on the current thread. */
    final void begin() {
        if (CURRENT.get() != this) {
            CURRENT.set(this);
        }
    }

    /** Ends deliveries on the current thread. */
    final void end() {
        CURRENT.remove();
    }

    /**
     * Returns the lease for which this delivery was postponed before.
     *
     * @return the lease, allowed or denied; {@code null} if the delivery is the first one. A second call returns
     *         {@code null}
     */
    public abstract @Nullable Lease takeLease();

    /**
     * Delivers the same messages again when a lease is complete. The listener must return without a result.
     *
     * @param lease    completes when the turn of the messages has come; cancelled if the client is closed before
     * @param giveBack receives the lease if the messages are not delivered again, because another instance gets them
     */
    public abstract void postpone(CompletableFuture<Lease> lease, Consumer<Lease> giveBack);

    /**
     * Delivers half of the messages again, for a batch that costs more than the limits can ever grant. The listener
     * must return without a result.
     *
     * @return {@code false} if there is only one message, and nothing happened
     */
    public abstract boolean halve();
}
