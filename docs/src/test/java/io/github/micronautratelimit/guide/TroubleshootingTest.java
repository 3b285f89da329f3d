package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;

import io.github.micronautratelimit.web.SetupWarning;

/** Whoever looks up what the log says finds it. */
class TroubleshootingTest {

    private static final Pattern LOGGED = Pattern.compile("LOG\\.(?:warn|error)\\(\"((?:[^\"\\\\]|\\\\.)*)\"");
    private static final Pattern NAMED = Pattern.compile("docs/([a-z-]+\\.(?:adoc|md))(?:#([a-z0-9-]+))?");
    private static final List<String> MODULES = List.of("ratelimit-core", "ratelimit-web", "ratelimit-servlet",
            "micronaut-ratelimit", "backend-redis", "backend-hazelcast", "backend-dynamodb");

    @Test
    void everyWarningHasItsPlace() throws IOException {
        String warnings = Files.readString(Path.of("warnings.adoc"));
        List<String> missing = Arrays.stream(SetupWarning.values()).map(SetupWarning::code)
                .filter(code -> !warnings.contains("[#" + code.toLowerCase(Locale.ROOT) + "]\n== " + code + "\n")).toList();
        assertEquals(List.of(), missing);
    }

    @Test
    void everyWarningAndErrorInTheLogIsExplained() throws IOException {
        String chapter = Files.readString(Path.of("troubleshooting.adoc"));
        List<String> logged = sources().flatMap(text -> LOGGED.matcher(text).results()).map(found -> longest(found.group(1)))
                .toList();
        assertFalse(logged.size() < 20, "the search finds them: " + logged);
        assertEquals(List.of(), logged.stream().filter(text -> !chapter.contains(text)).toList());
    }

    @Test
    void chaptersThatMessagesNameAreThere() throws IOException {
        List<String> broken = sources().flatMap(text -> NAMED.matcher(text).results())
                .filter(found -> !isThere(found.group(1), found.group(2))).map(found -> found.group()).toList();
        assertEquals(List.of(), broken);
    }

    private static boolean isThere(String file, String anchor) {
        try {
            Path chapter = Path.of(file);
            return Files.exists(chapter) && (anchor == null || Files.readString(chapter).contains("[#" + anchor + "]"));
        } catch (IOException e) {
            return false;
        }
    }

    /** The part of a message that is always the same. */
    private static String longest(String message) {
        return Arrays.stream(message.replace("\\\"", "\"").split("\\{}")).max(Comparator.comparingInt(String::length))
                .orElseThrow().strip();
    }

    private static Stream<String> sources() throws IOException {
        Stream<String> texts = Stream.empty();
        for (String module : MODULES) {
            try (Stream<Path> files = Files.walk(Path.of("..", module, "src/main/java"))) {
                List<Path> sources = files.filter(file -> file.toString().endsWith(".java")).toList();
                for (Path source : sources) {
                    texts = Stream.concat(texts, Stream.of(Files.readString(source)));
                }
            }
        }
        return texts;
    }
}
