package io.github.micronautratelimit;

import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Has what is held renewed, three times per lease time. One daemon thread per process begins all renewals and waits for
 * none; it is there only while something is held, and for a second longer.
 */
final class Renewals {

    private static final int PER_LEASE = 3;

    private static final ScheduledThreadPoolExecutor TIMER = timer();

    private Renewals() {
    }

    private static ScheduledThreadPoolExecutor timer() {
        ScheduledThreadPoolExecutor timer = new ScheduledThreadPoolExecutor(1, task -> {
            Thread thread = new Thread(task, "ratelimit-leases");
            thread.setDaemon(true);
            return thread;
        });
        timer.setRemoveOnCancelPolicy(true);
        timer.setKeepAliveTime(1, TimeUnit.SECONDS);
        timer.allowCoreThreadTimeOut(true);
        return timer;
    }

    /** Renews until it is cancelled. The renewal must neither block nor throw. */
    static Future<?> every(long leaseMicros, Runnable renewal) {
        long pause = leaseMicros / PER_LEASE;
        return TIMER.scheduleWithFixedDelay(renewal, pause, pause, TimeUnit.MICROSECONDS);
    }
}
