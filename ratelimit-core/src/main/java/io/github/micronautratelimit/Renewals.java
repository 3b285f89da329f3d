package io.github.micronautratelimit;

import java.time.Duration;
import java.util.Iterator;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has what is held renewed when it is due. To hold something is one append, to release it costs nothing: what is released is
 * met in passing.
 *
 * <p>One daemon thread per process looks at all that is held, four times a second, begins what renewals are due and waits
 * for none. It is there only while something is held, and for a second longer.
 */
final class Renewals {

    static final Renewals SHARED = new Renewals();

    private static final Logger LOG = LoggerFactory.getLogger(Lease.class);
    private static final long ROUND_NANOS = Duration.ofMillis(250).toNanos();
    private static final long LINGER_NANOS = Duration.ofSeconds(1).toNanos();

    private final Queue<Holding> held = new ConcurrentLinkedQueue<>();
    private final AtomicBoolean running = new AtomicBoolean();

    void of(Holding holding) {
        held.add(holding);
        // Read after it was added; the thread looks for more after it has said that it stops.
        if (!running.get() && running.compareAndSet(false, true)) {
            Thread thread = new Thread(this::run, "ratelimit-leases");
            thread.setDaemon(true);
            thread.start();
        }
    }

    private void run() {
        long busyAt = System.nanoTime();
        while (true) {
            long now = System.nanoTime();
            if (!held.isEmpty()) {
                busyAt = now;
            } else if (now - busyAt > LINGER_NANOS) {
                running.set(false);
                if (held.isEmpty() || !running.compareAndSet(false, true)) {
                    return;
                }
            }
            round(now);
            LockSupport.parkNanos(ROUND_NANOS);
        }
    }

    private void round(long now) {
        for (Iterator<Holding> each = held.iterator(); each.hasNext();) {
            Holding holding = each.next();
            if (holding.isReleased()) {
                each.remove();
            } else {
                renew(holding, now);
            }
        }
    }

    private static void renew(Holding holding, long now) {
        try {
            holding.renewIfDue(now);
        } catch (RuntimeException | Error e) {
            LOG.error("A place could not be renewed, and will be tried again.", e);
        }
    }
}
