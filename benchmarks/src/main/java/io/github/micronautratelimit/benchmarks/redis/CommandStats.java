package io.github.micronautratelimit.benchmarks.redis;

import java.util.HashMap;
import java.util.Map;

/**
 * The commands that a server has run since its statistics were reset. A command that a script calls counts under its
 * own name, and its time also counts for the script.
 */
final class CommandStats {

    /** The number of calls and their total time. */
    record Total(double calls, double micros) {

        Total plus(Total other) {
            return new Total(calls + other.calls, micros + other.micros);
        }
    }

    private final Map<String, Total> totals = new HashMap<>();

    /** Reads entries like {@code cmdstat_get:calls=2,usec=8,usec_per_call=4.00}. */
    CommandStats(Map<String, String> info) {
        info.forEach((name, value) -> {
            if (name.startsWith("cmdstat_")) {
                totals.put(
                        name.substring("cmdstat_".length()),
                        new Total(number(value, "calls="), number(value, "usec=")));
            }
        });
    }

    private static double number(String value, String label) {
        int from = value.indexOf(label) + label.length();
        return Double.parseDouble(value.substring(from, value.indexOf(',', from)));
    }

    Total total(String command) {
        return totals.getOrDefault(command, new Total(0, 0));
    }
}
