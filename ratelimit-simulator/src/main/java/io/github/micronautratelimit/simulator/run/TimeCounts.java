package io.github.micronautratelimit.simulator.run;

import java.util.Arrays;
import java.util.List;

/** Counts per interval of a grid. */
final class TimeCounts {

    private final TimeGrid grid;
    private final int[] counts;
    private int doublings;

    TimeCounts(TimeGrid grid) {
        this.grid = grid;
        this.counts = new int[grid.intervals()];
        this.doublings = grid.doublings();
    }

    void add(int index, int count) {
        followGrid();
        counts[index] += count;
    }

    private void followGrid() {
        while (doublings < grid.doublings()) {
            int half = counts.length / 2;
            for (int i = 0; i < half; i++) {
                counts[i] = counts[2 * i] + counts[2 * i + 1];
            }
            Arrays.fill(counts, half, counts.length, 0);
            doublings++;
        }
    }

    /** Returns the counts up to an interval. */
    List<Long> upTo(int last) {
        followGrid();
        return Arrays.stream(counts, 0, last + 1).mapToObj(Long::valueOf).toList();
    }
}
