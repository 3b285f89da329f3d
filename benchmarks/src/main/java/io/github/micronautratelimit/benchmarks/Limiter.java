package io.github.micronautratelimit.benchmarks;

import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** Anything that limits keys: visits every key once before it is measured, so that no key is new then. */
@State(Scope.Benchmark)
public abstract class Limiter {

    /** Visits every key, then has the heap tidied up, so that all limiters are measured on a like layout. */
    @Setup
    public void fill(Keys keys) {
        for (String key : keys.inOrder()) {
            visit(key);
        }
        System.gc();
    }

    /** Makes the key known. */
    abstract void visit(String key);

    /**
     * Checks that what was measured was what should have been.
     *
     * @throws IllegalStateException if not
     */
    @TearDown
    public void check(Keys keys) {
    }
}
