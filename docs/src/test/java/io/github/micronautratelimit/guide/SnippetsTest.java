package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micronaut.context.ApplicationContext;
import io.micronaut.context.env.Environment;
import io.micronaut.context.env.PropertySource;
import io.micronaut.context.env.yaml.YamlPropertySourceLoader;
import io.micronaut.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Checks the code blocks of the guide and of the README. Java comes from tested sources, configuration starts an
 * application, and modules exist. With {@code -Dguide.write=true}, this test copies the sources into the chapters.
 */
class SnippetsTest {

    private static final Pattern OURS = Pattern.compile("<groupId>io\\.github\\.micronautratelimit</groupId>\\s*"
            + "<artifactId>(.*?)</artifactId>(?:\\s*<version>(.*?)</version>)?");

    private static final Pattern OURS_IN_GRADLE =
            Pattern.compile("\"io\\.github\\.micronautratelimit:([^:\"]*)(?::([^\"]*))?\"");

    private final Map<String, String> versions = modules();

    static List<Chapter> chapters() {
        return Chapter.all();
    }

    @ParameterizedTest
    @MethodSource("chapters")
    void codeComesFromTestedSources(Chapter chapter) throws IOException {
        if (Boolean.getBoolean("guide.write")) {
            chapter.rewrite();
        }
        for (Chapter.Block block : chapter.blocks()) {
            if (block.from().isEmpty()) {
                assertFalse(
                        Set.of("java", "kotlin").contains(block.language()),
                        () -> "This code block has no source; add from=\"File.java#tag\":\n" + block.text());
            } else {
                assertEquals(Source.named(block.from()).text(), block.text(), block.from());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("chapters")
    void configurationStartsAnApplication(Chapter chapter) throws IOException {
        for (Chapter.Block block : chapter.blocks("yaml")) {
            Map<String, Object> settings =
                    new YamlPropertySourceLoader().read("snippet", block.text().getBytes());
            if (settings.keySet().stream().anyMatch(name -> name.startsWith("ratelimit."))) {
                starts(settings, block.text());
            }
        }
    }

    private static void starts(Map<String, Object> settings, String text) {
        try (ApplicationContext context = ApplicationContext.builder()
                .deduceEnvironment(false)
                .environments(Environment.TEST)
                .propertySources(
                        PropertySource.of("snippet", settings),
                        PropertySource.of(
                                "around",
                                Map.of("RATELIMIT_SECRET", "sixteen letters!", "ratelimit.backend", "memory"),
                                1))
                .build()
                .start()) {
            assertTrue(context.isRunning(), text);
        }
    }

    @ParameterizedTest
    @MethodSource("chapters")
    void jsonIsValid(Chapter chapter) throws IOException {
        for (Chapter.Block block : chapter.blocks("json")) {
            JsonMapper.createDefault().readValue(block.text(), Object.class);
        }
    }

    @ParameterizedTest
    @MethodSource("chapters")
    void namedModulesExist(Chapter chapter) {
        chapter.blocks("xml").forEach(block -> requireModules(OURS.matcher(block.text())));
        for (String gradle : List.of("groovy", "kts")) {
            chapter.blocks(gradle).forEach(block -> requireModules(OURS_IN_GRADLE.matcher(block.text())));
        }
    }

    private void requireModules(Matcher named) {
        while (named.find()) {
            assertTrue(versions.containsKey(named.group(1)), named.group(1));
            assertTrue(named.group(2) == null || named.group(2).equals(versions.get(named.group(1))), named::group);
        }
    }

    @Test
    void guideIncludesEveryChapter() throws IOException {
        String guide = Files.readString(Path.of("guide.adoc"));
        List<String> missing = Chapter.all().stream()
                .filter(chapter -> !chapter.isMarkdown())
                .map(Chapter::toString)
                .filter(name -> !name.equals("guide.adoc"))
                .filter(name -> !guide.contains("include::" + name + "["))
                .toList();
        assertEquals(List.of(), missing);
    }

    private static Map<String, String> modules() {
        String version = System.getProperty("ratelimit.version");
        return List.of(
                        "ratelimit-core",
                        "ratelimit-tck",
                        "ratelimit-web",
                        "ratelimit-servlet",
                        "micronaut-ratelimit",
                        "micronaut-ratelimit-test",
                        "micronaut-ratelimit-grpc",
                        "micronaut-ratelimit-redis",
                        "micronaut-ratelimit-hazelcast",
                        "micronaut-ratelimit-dynamodb",
                        "micronaut-ratelimit-bom")
                .stream()
                .collect(Collectors.toMap(name -> name, name -> version));
    }
}
