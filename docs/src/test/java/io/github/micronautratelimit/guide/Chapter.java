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
            "^\\[source,(\\w+)(?:,from=\"([^\"]+)\")?]\\n----\\n(.*?)^----$", Pattern.MULTILINE | Pattern.DOTALL);

    /** In Markdown, a comment before the block names the source. */
    private static final Pattern MARKDOWN_BLOCK = Pattern.compile(
            "(?:^<!-- from=\"([^\"]+)\" -->\\n)?^```(\\w+)\\n(.*?)^```$", Pattern.MULTILINE | Pattern.DOTALL);

    private static final Path README = Path.of("../README.md");

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
            return Stream.concat(Stream.of(README), files.filter(file -> file.toString()
                            .endsWith(".adoc")))
                    .sorted()
                    .map(Chapter::new)
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    List<Block> blocks() {
        return matcher().results().map(this::block).toList();
    }

    List<Block> blocks(String language) {
        return blocks().stream()
                .filter(block -> block.language().equals(language))
                .toList();
    }

    /** Replaces the code of every block that names a source by the text of that source. */
    void rewrite() throws IOException {
        Files.writeString(path, matcher().replaceAll(found -> {
            Block block = block(found);
            return Matcher.quoteReplacement(
                    block.from().isEmpty()
                            ? found.group()
                            : found.group()
                                    .replace(
                                            "\n" + block.text(),
                                            "\n" + Source.named(block.from()).text()));
        }));
    }

    private Matcher matcher() {
        return (isMarkdown() ? MARKDOWN_BLOCK : BLOCK).matcher(text());
    }

    private String text() {
        try {
            return Files.readString(path);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Block block(MatchResult found) {
        String language = found.group(isMarkdown() ? 2 : 1);
        String from = found.group(isMarkdown() ? 1 : 2);
        return new Block(language, from == null ? "" : from, found.group(3));
    }

    boolean isMarkdown() {
        return path.equals(README);
    }

    @Override
    public String toString() {
        return path.toString();
    }
}
