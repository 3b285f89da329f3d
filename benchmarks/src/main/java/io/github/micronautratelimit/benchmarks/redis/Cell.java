package io.github.micronautratelimit.benchmarks.redis;

import java.util.List;
import java.util.stream.IntStream;

/** The conditions of a measurement. */
record Cell(int keyCount, int inFlight, Outcome outcome) {

    /** Keys each as long as an address is. */
    List<String> keys() {
        return IntStream.range(0, keyCount)
                .mapToObj(i -> "10." + (i >> 16) + "." + (i >> 8 & 255) + "." + (i & 255)).toList();
    }
}
