package io.github.micronautratelimit.benchmarks;

import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** A limiter of keys. Every key is visited before the measurement, so that no key is new then. */
@State(Scope.Benchmark)
public abstract class Limiter {

    /** Visits every key, then collects garbage, so that all limiters have a similar memory layout. */
    @Setup
    public void fill(Keys keys) {
        for (String key : keys.inOrder()) {
            visit(key);
        }
        System.gc();
    }

    /** Acquires a permit, so that the limiter has state for the key. */
    abstract void visit(String key);

    /**
     * Checks that the benchmark has measured the intended operation.
     *
     * @throws IllegalStateException if it has measured another one
     */
    @TearDown
    public void check(Keys keys) {}
}
