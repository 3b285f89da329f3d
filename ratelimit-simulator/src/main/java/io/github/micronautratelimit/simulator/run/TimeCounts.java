package io.github.micronautratelimit.simulator.run;

import java.util.Arrays;
import java.util.List;

/** Counts per interval of a grid. */
final class TimeCounts {

    private final TimeGrid grid;
    private final int[] counts;
    private int merges;

    TimeCounts(TimeGrid grid) {
        this.grid = grid;
        this.counts = new int[grid.intervals()];
        this.merges = grid.merges();
    }

    void add(int index, int count) {
        followGrid();
        counts[index] += count;
    }

    private void followGrid() {
        while (merges < grid.merges()) {
            int factor = TimeGrid.factor(merges);
            for (int i = 0; i < counts.length; i++) {
                int sum = counts[i];
                counts[i] = 0;
                counts[i / factor] += sum;
            }
            merges++;
        }
    }

    /** Returns the counts up to an interval. */
    List<Long> upTo(int last) {
        followGrid();
        return Arrays.stream(counts, 0, last + 1).mapToObj(Long::valueOf).toList();
    }
}
