package io.github.micronautratelimit.benchmarks.redis;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Collects samples and prints Markdown tables of medians: one row per cell, one column per contender. */
final class RedisTables {

    private final Map<Cell, Map<String, List<Sample>>> rows = new LinkedHashMap<>();
    private final List<String> contenders = new ArrayList<>();

    void add(Cell cell, String contender, Sample sample) {
        if (!contenders.contains(contender)) {
            contenders.add(contender);
        }
        rows.computeIfAbsent(cell, each -> new LinkedHashMap<>())
                .computeIfAbsent(contender, each -> new ArrayList<>())
                .add(sample);
    }

    void print(PrintStream out) {
        out.println("Thousand decisions per second (median of the rounds, lowest-highest):\n");
        print(out, contenders, (row, name) -> spread("%.1f", values(row.get(name), s -> s.perSecond() / 1000)));
        List<String> others =
                contenders.stream().filter(name -> !name.startsWith("ours")).toList();
        out.println("\nDecisions per second of `ours`, as a multiple of each contender (median of the rounds' ratios,"
                + " lowest-highest):\n");
        print(out, others, (row, name) -> spread("%.2f", ratios(row.get("ours"), row.get(name))));
        out.println("\nLatency in microseconds, 50th / 99th percentile:\n");
        print(out, contenders, (row, name) -> medians(row.get(name), "%.0f", List.of(Sample::p50, Sample::p99)));
        out.println(
                "\nPer decision: commands sent / microseconds of execution in the server / microseconds of CPU time of"
                        + " the server's main thread, including reads and writes / microseconds of CPU time of the"
                        + " client:\n");
        print(
                out,
                contenders,
                (row, name) -> medians(
                        row.get(name),
                        "%.2f",
                        List.of(Sample::trips, Sample::commandMicros, Sample::serverMicros, Sample::clientMicros)));
        out.println("\nBusy cores: the server's main thread / the client's busiest thread / the whole client:\n");
        print(
                out,
                contenders,
                (row, name) -> medians(
                        row.get(name),
                        "%.2f",
                        List.of(Sample::serverCores, Sample::clientThreadCores, Sample::clientCores)));
    }

    private void print(
            PrintStream out, List<String> columns, BiFunction<Map<String, List<Sample>>, String, String> entry) {
        out.println("| | keys | in flight | " + String.join(" | ", columns) + " |");
        out.println("|---|---|---|" + "---|".repeat(columns.size()));
        rows.forEach((cell, row) -> out.println("| " + cell.outcome() + " | " + cell.keyCount() + " | "
                + cell.inFlight() + " | "
                + columns.stream().map(name -> entry.apply(row, name)).collect(Collectors.joining(" | ")) + " |"));
    }

    private static List<Double> values(List<Sample> samples, ToDoubleFunction<Sample> value) {
        return samples.stream().mapToDouble(value).boxed().toList();
    }

    private static List<Double> ratios(List<Sample> ours, List<Sample> others) {
        return IntStream.range(0, ours.size())
                .mapToObj(
                        round -> ours.get(round).perSecond() / others.get(round).perSecond())
                .toList();
    }

    private static String spread(String format, List<Double> values) {
        String all = format + " (" + format + "-" + format + ")";
        return String.format(Locale.ROOT, all, median(values), Collections.min(values), Collections.max(values));
    }

    private static String medians(List<Sample> samples, String format, List<ToDoubleFunction<Sample>> values) {
        return values.stream()
                .map(value -> String.format(Locale.ROOT, format, median(values(samples, value))))
                .collect(Collectors.joining(" / "));
    }

    private static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        int middle = sorted.size() / 2;
        return sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
    }
}
