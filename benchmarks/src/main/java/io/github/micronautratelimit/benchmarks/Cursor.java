package io.github.micronautratelimit.benchmarks;

import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.infra.ThreadParams;

/** The position of one thread in the cycle of keys. */
@State(Scope.Thread)
public class Cursor {

    private String[] keys = {};
    private int next;

    /** Spreads the threads evenly over the cycle. */
    @Setup
    public void start(Keys all, ThreadParams thread) {
        start(all, thread.getThreadIndex(), thread.getThreadCount());
    }

    void start(Keys all, int thread, int threads) {
        keys = all.shuffled();
        next = keys.length / threads * thread;
    }

    String next() {
        String key = keys[next];
        next = next + 1 == keys.length ? 0 : next + 1;
        return key;
    }
}
