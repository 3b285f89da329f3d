package io.github.micronautratelimit.guide;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A chapter of the guide with its code blocks.
 *
 * @param path its file
 */
record Chapter(Path path) {

    private static final Pattern BLOCK = Pattern.compile(
            "^\\[source,(?<language>\\w+)(?:,from=\"(?<from>[^\"]+)\")?]\\n(?<fence>----\\n)(?<text>.*?)^----$",
            Pattern.MULTILINE | Pattern.DOTALL);

    /**
     * A code block.
     *
     * @param language such as {@code java}
     * @param from     the source of the code; empty if the chapter itself contains it
     * @param text     the code, with line ends
     */
    record Block(String language, String from, String text) {}

    static List<Chapter> all() {
        try (Stream<Path> files = Files.list(Path.of(""))) {
            return files.filter(file -> file.toString().endsWith(".adoc"))
                    .sorted()
                    .map(Chapter::new)
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    List<Block> blocks() {
        return BLOCK.matcher(text()).results().map(Chapter::block).toList();
    }

    List<Block> blocks(String language) {
        return blocks().stream()
                .filter(block -> block.language().equals(language))
                .toList();
    }

    /** Replaces the code of every block that names a source by the text of that source. */
    void rewrite() throws IOException {
        Matcher blocks = BLOCK.matcher(text());
        Files.writeString(path, blocks.replaceAll(found -> {
            Block block = block(found);
            if (block.from().isEmpty()) {
                return Matcher.quoteReplacement(found.group());
            }
            return Matcher.quoteReplacement("[source," + block.language() + ",from=\"" + block.from() + "\"]\n----\n"
                    + Source.named(block.from()).text() + "----");
        }));
    }

    private String text() {
        try {
            return Files.readString(path);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Block block(MatchResult found) {
        String from = found.group(2);
        return new Block(found.group(1), from == null ? "" : from, found.group(4));
    }

    @Override
    public String toString() {
        return path.toString();
    }
}
