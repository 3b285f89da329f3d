package io.github.micronautratelimit.benchmarks;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/** Runs {@link Layers} in rounds and prints a comparison. */
public final class LayersComparison {

    private static final List<String> BENCHMARKS =
            List.of("nothing", "guard", "all", "allAsync", "prefetched", "prefetchedAsync", "denied", "deniedAsync");

    private LayersComparison() {}

    /**
     * Runs the comparison.
     *
     * @param arguments {@code full} or {@code quick}
     * @throws Exception if a benchmark fails
     */
    public static void main(String[] arguments) throws Exception {
        Tables tables = new Tables();
        for (int round = 1; round <= (arguments[0].equals("quick") ? 1 : 2); round++) {
            for (int threads = 1; threads <= 2; threads++) {
                tables.add(new Runner(options(threads)).run());
            }
        }
        System.out.println();
        tables.print(System.out, BENCHMARKS);
    }

    /** The larger number of keys is the bound of the deny cache and of the prefetched permits. */
    private static Options options(int threads) {
        return new OptionsBuilder()
                .include("\\.Layers\\.(" + String.join("|", BENCHMARKS) + ")$")
                .param("keys", "1", "10000")
                .mode(Mode.Throughput)
                .timeUnit(TimeUnit.MICROSECONDS)
                .threads(threads)
                .forks(1)
                .warmupIterations(2)
                .warmupTime(TimeValue.seconds(1))
                .measurementIterations(3)
                .measurementTime(TimeValue.seconds(1))
                .jvmArgs("-Xms1g", "-Xmx1g", "-XX:+UseG1GC")
                .addProfiler(GCProfiler.class)
                .shouldFailOnError(true)
                .build();
    }
}
