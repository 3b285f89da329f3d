package io.github.micronautratelimit.benchmarks;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;

/** Collects results and prints Markdown tables of medians: one row per number of keys and threads. */
final class Tables {

    /** The benchmarks of the comparison. */
    static final List<String> COMPARED =
            List.of("ceiling", "ceilingWithClock", "ours", "bucket4j", "resilience4j", "guava");

    /** Further benchmarks of this library. */
    static final List<String> VARIANTS = List.of(
            "oursAsync",
            "oursDenied",
            "oursSliding",
            "oursFixed",
            "oursTwoLimits",
            "oursInNoTime",
            "clockAlone",
            "oursCounted",
            "oursHeard");

    private static final String BYTES = "gc.alloc.rate.norm";

    /** The results under the same conditions. */
    private record Row(int keys, int threads) implements Comparable<Row> {

        @Override
        public int compareTo(Row other) {
            return keys != other.keys ? Integer.compare(keys, other.keys) : Integer.compare(threads, other.threads);
        }
    }

    /** The operations per microsecond and bytes per operation of every iteration of one benchmark. */
    private record Samples(List<Double> speeds, List<Double> bytes) {

        Samples() {
            this(new ArrayList<>(), new ArrayList<>());
        }
    }

    private final Map<Row, Map<String, Samples>> rows = new TreeMap<>();

    void add(Collection<RunResult> results) {
        for (RunResult result : results) {
            String label = result.getParams().getBenchmark();
            Row row = new Row(
                    Integer.parseInt(result.getParams().getParam("keys")),
                    result.getParams().getThreads());
            Samples samples = rows.computeIfAbsent(row, each -> new LinkedHashMap<>())
                    .computeIfAbsent(label.substring(label.lastIndexOf('.') + 1), each -> new Samples());
            for (BenchmarkResult fork : result.getBenchmarkResults()) {
                for (IterationResult iteration : fork.getIterationResults()) {
                    samples.speeds.add(iteration.getPrimaryResult().getScore());
                    samples.bytes.add(iteration.getSecondaryResults().get(BYTES).getScore());
                }
            }
        }
    }

    void print(PrintStream out) {
        out.println("Decisions per microsecond, all threads together (median of iterations, lowest-highest):\n");
        print(out, COMPARED, (row, name) -> speed(row, name));
        out.println("\nRatios of the medians (and of the best iterations, which the load of other machines affects"
                + " least):\n");
        print(
                out,
                List.of("ours/ceiling", "ours/ceilingWithClock", "ours/bucket4j", "ours/resilience4j", "ours/guava"),
                (row, name) -> ratio(row, name));
        out.println("\nBytes allocated per decision:\n");
        print(out, COMPARED, (row, name) -> bytes(row, name));
        out.println("\nOther decisions of ours, per microsecond, 1 thread (none with \"quick\"):\n");
        print(out, VARIANTS, (row, name) -> speed(row, name));
        out.println("\nTheir bytes allocated per decision:\n");
        print(out, VARIANTS, (row, name) -> bytes(row, name));
    }

    /** Prints speeds and bytes of these benchmarks. */
    void print(PrintStream out, List<String> benchmarks) {
        out.println("Decisions per microsecond, all threads together (median of iterations, lowest-highest):\n");
        print(out, benchmarks, (row, name) -> speed(row, name));
        out.println("\nBytes allocated per decision:\n");
        print(out, benchmarks, (row, name) -> bytes(row, name));
    }

    private interface Entry {

        @Nullable
        String of(Map<String, Samples> row, String column);
    }

    /** Prints the rows that have an entry in every column. */
    private void print(PrintStream out, List<String> columns, Entry entry) {
        out.println("| keys | threads | " + String.join(" | ", columns) + " |");
        out.println("|---|---|" + "---|".repeat(columns.size()));
        rows.forEach((row, samples) -> {
            List<@Nullable String> entries = columns.stream()
                    .map(column -> entry.of(samples, column))
                    .collect(Collectors.toCollection(ArrayList::new));
            if (!entries.contains(null)) {
                out.println("| " + row.keys + " | " + row.threads + " | "
                        + entries.stream().map(String::valueOf).collect(Collectors.joining(" | ")) + " |");
            }
        });
    }

    private static @Nullable String speed(Map<String, Samples> row, String name) {
        Samples samples = row.get(name);
        return samples == null
                ? null
                : String.format(
                        Locale.ROOT,
                        "%.2f (%.1f-%.1f)",
                        median(samples.speeds),
                        Collections.min(samples.speeds),
                        Collections.max(samples.speeds));
    }

    private static @Nullable String bytes(Map<String, Samples> row, String name) {
        Samples samples = row.get(name);
        return samples == null ? null : String.format(Locale.ROOT, "%.0f", median(samples.bytes));
    }

    private static @Nullable String ratio(Map<String, Samples> row, String name) {
        Samples ours = row.get("ours");
        Samples other = row.get(name.substring("ours/".length()));
        return ours == null || other == null
                ? null
                : String.format(
                        Locale.ROOT,
                        "%.2f (%.2f)",
                        median(ours.speeds) / median(other.speeds),
                        Collections.max(ours.speeds) / Collections.max(other.speeds));
    }

    private static double median(List<Double> samples) {
        List<Double> sorted = samples.stream().sorted().toList();
        int middle = sorted.size() / 2;
        return sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
    }
}
