package io.github.micronautratelimit.examples.lambda;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Runs {@link StartUp} 11 times each with and without rate limits, alternately, and prints the medians. */
final class StartUpComparison {

    private StartUpComparison() {}

    public static void main(String[] arguments) throws Exception {
        String table = LocalTable.create();
        List<Long> without = new ArrayList<>();
        List<Long> with = new ArrayList<>();
        for (int i = 0; i < 11; i++) {
            without.add(start(table, false));
            with.add(start(table, true));
        }
        without.sort(null);
        with.sort(null);
        System.out.printf(
                "SDK alone %d ms (%d-%d), with limits %d ms (%d-%d)%n",
                without.get(5), without.get(0), without.get(10), with.get(5), with.get(0), with.get(10));
        System.exit(0);
    }

    private static long start(String table, boolean enabled) throws Exception {
        Process process = new ProcessBuilder(
                        new File(System.getProperty("java.home"), "bin/java").getPath(),
                        "-XX:TieredStopAtLevel=1",
                        "-Xshare:auto",
                        "-cp",
                        System.getProperty("java.class.path"),
                        StartUp.class.getName(),
                        LocalTable.endpoint(),
                        table,
                        Boolean.toString(enabled))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        process.waitFor();
        return Long.parseLong(output.substring(output.lastIndexOf('\n') + 1));
    }
}
