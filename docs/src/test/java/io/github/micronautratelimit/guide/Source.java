package io.github.micronautratelimit.guide;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * A file, or its part between {@code tag::NAME[]} and {@code end::NAME[]}, for a code block.
 *
 * @param file the file
 * @param tag  the name of the part; empty for the whole file
 */
record Source(Path file, String tag) {

    private static final List<Path> FILES = files(Path.of(".."));

    /**
     * Finds a file in the project by the end of its path.
     *
     * @param name a path with an optional tag, such as {@code Orders.java#hello}
     */
    static Source named(String name) {
        String[] parts = name.split("#", 2);
        List<Path> found =
                FILES.stream().filter(file -> file.endsWith(parts[0])).toList();
        if (found.size() != 1) {
            throw new IllegalArgumentException(
                    name + " must match one file and matches " + found.size() + ": " + found);
        }
        return new Source(found.get(0), parts.length > 1 ? parts[1] : "");
    }

    String text() {
        List<String> lines = lines().toList();
        int indent = lines.stream()
                .filter(line -> !line.isBlank())
                .mapToInt(line -> line.length() - line.stripLeading().length())
                .min()
                .orElseThrow(() -> new IllegalArgumentException(file + " has no lines with the tag " + tag));
        StringBuilder text = new StringBuilder();
        lines.forEach(line ->
                text.append(line.isBlank() ? "" : line.substring(indent)).append('\n'));
        return text.toString();
    }

    private Stream<String> lines() {
        try {
            List<String> all = Files.readAllLines(file);
            Stream<String> part = tag.isEmpty()
                    ? all.stream()
                    : all.stream()
                            .dropWhile(line -> !line.contains("tag::" + tag + "[]"))
                            .takeWhile(line -> !line.contains("end::" + tag + "[]"));
            return part.filter(line -> !line.contains("tag::") && !line.contains("end::"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Path> files(Path root) {
        try (Stream<Path> files = Files.walk(root)) {
            return files.filter(file -> !file.toString().contains("/target/") && Files.isRegularFile(file))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
