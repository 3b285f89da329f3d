package io.github.micronautratelimit;

import io.github.micronautratelimit.internal.IdleStoppingWorker;
import java.time.Duration;
import java.util.Iterator;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Renews held slots when they are due. Registering a slot is one queue append. Released slots are removed during the
 * next sweep.
 *
 * <p>One thread per process sweeps all slots four times a second. It starts renewals and waits for none.
 */
final class LeaseRenewer {

    private static final Logger LOG = LoggerFactory.getLogger(LeaseRenewer.class);
    private static final long SWEEP_NANOS = Duration.ofMillis(250).toNanos();

    static final LeaseRenewer SHARED = new LeaseRenewer();

    private final Queue<HeldSlot> held = new ConcurrentLinkedQueue<>();
    private final IdleStoppingWorker worker =
            new IdleStoppingWorker("ratelimit-leases", () -> !held.isEmpty(), this::sweep);

    void add(HeldSlot slot) {
        held.add(slot);
        worker.start();
    }

    private long sweep(long now) {
        for (Iterator<HeldSlot> slots = held.iterator(); slots.hasNext(); ) {
            HeldSlot slot = slots.next();
            if (slot.isReleased()) {
                slots.remove();
            } else {
                renew(slot, now);
            }
        }
        return SWEEP_NANOS;
    }

    private static void renew(HeldSlot slot, long now) {
        try {
            slot.renewIfDue(now);
        } catch (RuntimeException | Error e) {
            LOG.error("Could not renew a concurrency slot. Retrying at the next renewal.", e);
        }
    }
}
