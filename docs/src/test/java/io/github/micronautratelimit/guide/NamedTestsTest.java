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

/** The tests that the guide names, as holding what it promises, are there. */
class NamedTestsTest {

    private static final Pattern NAMED = Pattern.compile("`(\\w+(?:Test|Contract))(?:\\.(\\w+))?`");
    private static final List<Path> SOURCES = sources();

    static List<Chapter> chapters() {
        return Chapter.all();
    }

    @ParameterizedTest
    @MethodSource("chapters")
    void testsThatAreNamedThereAre(Chapter chapter) throws IOException {
        List<String> missing = NAMED.matcher(Files.readString(chapter.path())).results().filter(named -> !isThere(named))
                .map(MatchResult::group).toList();

        assertEquals(List.of(), missing, "Name the tests that hold this now.");
    }

    /** Or the one above could not fail. */
    @Test
    void promisesNameTests() throws IOException {
        long promises = NAMED.matcher(Files.readString(Path.of("accuracy.adoc"))).results().map(MatchResult::group).distinct()
                .count();

        assertTrue(promises >= 40, () -> promises + " tests are named");
        assertEquals(List.of(false, false), Stream.of("`GuardTest.noSuchTest`", "`NoSuchTest`")
                .map(text -> isThere(NAMED.matcher(text).results().findFirst().orElseThrow())).toList());
    }

    private static boolean isThere(MatchResult named) {
        return SOURCES.stream().filter(file -> file.endsWith(named.group(1) + ".java"))
                .anyMatch(file -> named.group(2) == null || text(file).contains(" void " + named.group(2) + "("));
    }

    private static List<Path> sources() {
        try (Stream<Path> files = Files.walk(Path.of(".."))) {
            return files.filter(file -> file.toString().endsWith(".java") && !file.toString().contains("/target/")).toList();
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
