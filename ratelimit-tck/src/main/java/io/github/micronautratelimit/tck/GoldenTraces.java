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

/** Finds the traces to replay: those in this jar, or those in a folder somebody has named. */
final class GoldenTraces {

    private static final String INDEX = "index.txt";

    private GoldenTraces() {
    }

    /**
     * Reads traces.
     *
     * @param folder a folder of {@code *.csv} files; {@code null} or empty for the traces in this jar. A build that
     *               passes on a property nobody has set passes on its placeholder, which counts as empty too
     * @return the traces by name, at least one
     * @throws IllegalStateException if there are none, so that a wrong path is no success
     */
    static List<GoldenTrace> read(@Nullable String folder) {
        List<GoldenTrace> traces = folder == null || folder.isBlank() || folder.startsWith("${")
                ? inThisJar() : inFolder(Path.of(folder));
        if (traces.isEmpty()) {
            throw new IllegalStateException("There are no traces (*.csv) in " + folder + ".");
        }
        return traces;
    }

    private static List<GoldenTrace> inThisJar() {
        return linesOf(INDEX).stream().map(name -> GoldenTrace.parse(name, linesOf(name))).toList();
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

    private static List<GoldenTrace> inFolder(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            List<GoldenTrace> traces = new ArrayList<>();
            for (Path file : files.filter(path -> path.toString().endsWith(".csv")).sorted().toList()) {
                traces.add(GoldenTrace.parse(file.getFileName().toString(), Files.readAllLines(file)));
            }
            return traces;
        } catch (IOException e) {
            throw new IllegalStateException("The traces in " + folder + " cannot be read.", e);
        }
    }
}
