package io.github.micronautratelimit.benchmarks.redis;

import java.util.List;
import java.util.stream.IntStream;

/** The conditions of a measurement: the number of keys, the requests in flight and the outcome. */
record Cell(int keyCount, int inFlight, Outcome outcome) {

    /** Returns keys as long as an IP address. */
    List<String> keys() {
        return IntStream.range(0, keyCount)
                .mapToObj(i -> "10." + (i >> 16) + "." + (i >> 8 & 255) + "." + (i & 255))
                .toList();
    }
}
