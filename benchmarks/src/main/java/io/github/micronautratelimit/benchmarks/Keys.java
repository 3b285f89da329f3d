package io.github.micronautratelimit.benchmarks;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** The limited keys, each as long as an IP address. */
@State(Scope.Benchmark)
public class Keys {

    /** The number of keys. */
    @Param({"1", "100000"})
    public int keys;

    private List<String> inOrder = List.of();
    private String[] shuffled = {};

    /** Creates the keys and the order of the visits. Both are the same in every run. */
    @Setup
    public void make() {
        List<String> made = new ArrayList<>(keys);
        for (int i = 0; i < keys; i++) {
            made.add("10." + (i >> 16) + "." + (i >> 8 & 255) + "." + (i & 255));
        }
        inOrder = List.copyOf(made);
        Collections.shuffle(made, new Random(42));
        shuffled = made.toArray(String[]::new);
    }

    /** Returns the keys in the order in which limiters are created for them, not in the order of the visits. */
    List<String> inOrder() {
        return inOrder;
    }

    String[] shuffled() {
        return shuffled;
    }
}
