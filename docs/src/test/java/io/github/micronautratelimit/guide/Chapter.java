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
 * A chapter of the guide, and the blocks of code in it.
 *
 * @param path its file
 */
record Chapter(Path path) {

    private static final Pattern BLOCK = Pattern.compile(
            "^\\[source,(?<language>\\w+)(?:,from=\"(?<from>[^\"]+)\")?]\\n(?<fence>----\\n)(?<text>.*?)^----$",
            Pattern.MULTILINE | Pattern.DOTALL);

    /**
     * A block of code.
     *
     * @param language such as {@code java}
     * @param from     where the code is taken from, or nothing if the chapter is where it is written
     * @param text     the code, each line with its end
     */
    record Block(String language, String from, String text) {
    }

    static List<Chapter> all() {
        try (Stream<Path> files = Files.list(Path.of(""))) {
            return files.filter(file -> file.toString().endsWith(".adoc")).sorted().map(Chapter::new).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    List<Block> blocks() {
        return BLOCK.matcher(text()).results().map(Chapter::block).toList();
    }

    List<Block> blocks(String language) {
        return blocks().stream().filter(block -> block.language().equals(language)).toList();
    }

    /** Takes the code of every block anew from where it is said to be from. */
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
