package io.github.micronautratelimit;

import java.security.SecureRandom;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Makes numbers that no other holder has, in this process or another. One half counts, so that none comes twice here; the
 * other is drawn at random when the process starts and mixed with the time, for a process may be a copy of another that
 * was frozen. Draws nothing later on: drawing may wait for the system.
 */
final class Holders {

    /** Odd, so that no two times give the same product. */
    private static final long SPREAD = 0x9E3779B97F4A7C15L;

    private static final long PROCESS;
    private static final AtomicLong COUNT;

    static {
        SecureRandom random = new SecureRandom();
        PROCESS = random.nextLong();
        COUNT = new AtomicLong(random.nextLong());
    }

    private Holders() {
    }

    static UUID next() {
        return new UUID(PROCESS ^ System.nanoTime() * SPREAD, COUNT.incrementAndGet());
    }
}
