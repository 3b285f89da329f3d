package io.github.micronautratelimit.tck;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Finds the traces to replay: those in this jar, or those in a directory. */
final class GoldenTraces {

    private static final String INDEX = "index.txt";

    private GoldenTraces() {}

    /**
     * Reads traces.
     *
     * @param directory a directory of {@code *.csv} files; {@code null} or empty for the traces in this jar. An
     *                  unresolved placeholder counts as empty too, because Maven passes it on if the property is not
     *                  set
     * @return the traces in the order of their names, at least one
     * @throws IllegalStateException if there are none, so that a wrong path does not pass as a success
     */
    static List<GoldenTrace> read(@Nullable String directory) {
        List<GoldenTrace> traces = directory == null || directory.isBlank() || directory.startsWith("${")
                ? inThisJar()
                : inDirectory(Path.of(directory));
        if (traces.isEmpty()) {
            throw new IllegalStateException("The directory " + directory + " contains no traces (*.csv).");
        }
        return traces;
    }

    private static List<GoldenTrace> inThisJar() {
        return linesOf(INDEX).stream()
                .map(name -> GoldenTrace.parse(name, linesOf(name)))
                .toList();
    }

    private static List<String> linesOf(String resource) {
        try (InputStream in = GoldenTraces.class.getResourceAsStream("traces/" + resource)) {
            if (in == null) {
                throw new IllegalStateException("The trace " + resource + " is not in this jar.");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<GoldenTrace> inDirectory(Path directory) {
        try (Stream<Path> files = Files.list(directory)) {
            List<GoldenTrace> traces = new ArrayList<>();
            for (Path file : files.filter(path -> path.toString().endsWith(".csv"))
                    .sorted()
                    .toList()) {
                traces.add(GoldenTrace.parse(file.getFileName().toString(), Files.readAllLines(file)));
            }
            return traces;
        } catch (IOException e) {
            throw new IllegalStateException("The traces in " + directory + " cannot be read.", e);
        }
    }
}
