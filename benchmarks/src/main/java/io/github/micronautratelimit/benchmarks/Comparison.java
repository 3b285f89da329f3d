package io.github.micronautratelimit.benchmarks;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.format.ResultFormatType;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/**
 * Runs every benchmark and prints a comparison.
 *
 * <p>A round runs one fork of each benchmark. Other load on the machine then affects all benchmarks alike.
 */
public final class Comparison {

    private final Path results;
    private final Tables tables = new Tables();

    private Comparison(Path results) {
        this.results = results;
    }

    /**
     * Runs the comparison.
     *
     * @param arguments the folder for the results as JSON, then {@code full} or {@code quick}
     * @throws Exception if a benchmark fails or results cannot be written
     */
    public static void main(String[] arguments) throws Exception {
        Path results = Files.createDirectories(Path.of(arguments[0]));
        new Comparison(results).compare(arguments[1].equals("quick"));
    }

    private void compare(boolean quick) throws Exception {
        int rounds = quick ? 1 : 4;
        for (int round = 1; round <= rounds; round++) {
            run("compared", Tables.COMPARED, round, 1);
            run("compared", Tables.COMPARED, round, 2);
            if (round % 2 == 0) {
                run("variants", Tables.VARIANTS, round, 1);
            }
        }
        System.out.println();
        tables.print(System.out);
    }

    private void run(String name, List<String> benchmarks, int round, int threads) throws Exception {
        Options options = new OptionsBuilder()
                .include("\\.(" + String.join("|", benchmarks) + ")$")
                .mode(Mode.Throughput)
                .timeUnit(TimeUnit.MICROSECONDS)
                .threads(threads)
                .forks(1)
                .warmupIterations(2)
                .warmupTime(TimeValue.seconds(1))
                .measurementIterations(3)
                .measurementTime(TimeValue.seconds(1))
                .jvmArgs("-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-XX:+AlwaysPreTouch")
                .addProfiler(GCProfiler.class)
                .shouldFailOnError(true)
                .resultFormat(ResultFormatType.JSON)
                .result(results.resolve(name + "-round-" + round + "-threads-" + threads + ".json")
                        .toString())
                .build();
        tables.add(new Runner(options).run());
    }
}
