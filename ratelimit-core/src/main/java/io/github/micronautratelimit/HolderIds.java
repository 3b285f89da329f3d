package io.github.micronautratelimit;

import java.security.SecureRandom;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Creates ids of holders that are unique among all processes. One half is a counter, so no id occurs twice in this
 * process. The other half is a random number of the process, mixed with the time, because a process may be a copy of a
 * suspended one. Random numbers are drawn only at start-up, because drawing may block.
 */
final class HolderIds {

    /** Odd, so that different times have different products. */
    private static final long SPREAD = 0x9E3779B97F4A7C15L;

    private static final long PROCESS;
    private static final AtomicLong COUNT;

    static {
        SecureRandom random = new SecureRandom();
        PROCESS = random.nextLong();
        COUNT = new AtomicLong(random.nextLong());
    }

    private HolderIds() {}

    static UUID next() {
        return new UUID(PROCESS ^ System.nanoTime() * SPREAD, COUNT.incrementAndGet());
    }
}
