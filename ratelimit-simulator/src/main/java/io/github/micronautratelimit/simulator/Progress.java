package io.github.micronautratelimit.simulator;

import java.io.PrintWriter;

/** Shows how far a replay is, on one line of a terminal. Not thread-safe. */
final class Progress {

    private static final int WIDTH = 30;
    private static final int LINES_BETWEEN_LOOKS = 1 << 14;
    private static final long NANOS_BETWEEN = 200_000_000L;

    private final PrintWriter out;
    private final boolean shown;
    private final long start = System.nanoTime();
    private long next = start;
    private boolean isDirty;

    Progress(PrintWriter out, boolean shown) {
        this.out = out;
        this.shown = shown;
    }

    /** Returns whether it is worth to look at the clock. */
    boolean isDue(long requests) {
        return shown && requests % LINES_BETWEEN_LOOKS == 0;
    }

    /**
     * Shows the progress, at most five times a second.
     *
     * @param requests the number of requests so far
     * @param share    the share of the bytes, 0 to 1, or a negative number if it is not known
     */
    void show(long requests, double share) {
        long now = System.nanoTime();
        if (now < next) {
            return;
        }
        next = now + NANOS_BETWEEN;
        isDirty = true;
        long perSecond = (long) (requests * 1e9 / Math.max(1, now - start));
        StringBuilder line = new StringBuilder("\r");
        if (share >= 0) {
            int done = (int) (share * WIDTH);
            line.append('[')
                    .append("#".repeat(done))
                    .append(" ".repeat(WIDTH - done))
                    .append("] ")
                    .append((int) (100 * share))
                    .append(" %  ");
        }
        line.append(requests).append(" requests, ").append(perSecond).append("/s   ");
        out.print(line);
        out.flush();
    }

    /** Removes the line. */
    void clear() {
        if (isDirty) {
            out.print("\r" + " ".repeat(78) + "\r");
            out.flush();
        }
    }
}
