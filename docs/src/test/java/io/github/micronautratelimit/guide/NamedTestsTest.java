package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Checks that the tests that the guide names exist. */
class NamedTestsTest {

    private static final Pattern NAMED = Pattern.compile("`(\\w+(?:Test|Contract))(?:\\.(\\w+))?`");
    private static final List<Path> SOURCES = sources();

    static List<Chapter> chapters() {
        return Chapter.all();
    }

    @ParameterizedTest
    @MethodSource("chapters")
    void namedTestsExist(Chapter chapter) throws IOException {
        List<String> missing = NAMED.matcher(Files.readString(chapter.path()))
                .results()
                .filter(named -> !exists(named))
                .map(MatchResult::group)
                .toList();

        assertEquals(List.of(), missing, "The guide names tests that do not exist; name their successors.");
    }

    /** Checks that the test above can fail. */
    @Test
    void guaranteesNameTests() throws IOException {
        long named = NAMED.matcher(Files.readString(Path.of("accuracy.adoc")))
                .results()
                .map(MatchResult::group)
                .distinct()
                .count();

        assertTrue(named >= 40, () -> named + " tests are named");
        assertEquals(
                List.of(false, false),
                Stream.of("`GuardTest.noSuchTest`", "`NoSuchTest`")
                        .map(text ->
                                exists(NAMED.matcher(text).results().findFirst().orElseThrow()))
                        .toList());
    }

    private static boolean exists(MatchResult named) {
        return SOURCES.stream()
                .filter(file -> file.endsWith(named.group(1) + ".java"))
                .anyMatch(file -> named.group(2) == null
                        || text(file).contains(" void " + named.group(2) + "(")
                        || text(file).contains("<DynamicTest> " + named.group(2) + "("));
    }

    private static List<Path> sources() {
        try (Stream<Path> files = Files.walk(Path.of(".."))) {
            return files.filter(file -> file.toString().endsWith(".java")
                            && !file.toString().contains("/target/"))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
