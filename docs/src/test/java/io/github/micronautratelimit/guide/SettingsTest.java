package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micronaut.context.env.yaml.YamlPropertySourceLoader;
import io.micronaut.json.JsonMapper;
import io.micronaut.json.tree.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Checks that every {@code ratelimit.something} in a chapter is a setting, a meter or an attribute. */
class SettingsTest {

    private static final Pattern NAME = Pattern.compile("\\bratelimit(?:\\.[a-zA-Z][a-zA-Z-]*)+");
    private static final String METADATA = "META-INF/spring-configuration-metadata.json";
    /** Names that chapters show as mistakes. */
    private static final Set<String> MISTAKES =
            Set.of("ratelimit.policy", "ratelimit.onerror", "ratelimit.polices.write.limits");

    private static final List<Pattern> SETTINGS = settings();
    private static final String SOURCES = sources();

    static List<Chapter> chapters() {
        return Chapter.all();
    }

    @ParameterizedTest
    @MethodSource("chapters")
    void namesExist(Chapter chapter) throws IOException {
        Set<String> unknown = new TreeSet<>();
        NAME.matcher(Files.readString(chapter.path()))
                .results()
                .map(MatchResult::group)
                .forEach(unknown::add);
        unknown.removeAll(MISTAKES);
        unknown.removeIf(
                name -> isSetting(name) || SOURCES.contains('"' + name + '"') || SOURCES.contains('"' + name + '.'));
        assertEquals(Set.of(), unknown);
    }

    @ParameterizedTest
    @MethodSource("chapters")
    void configuredNamesAreSettings(Chapter chapter) throws IOException {
        Set<String> unknown = new TreeSet<>();
        for (Chapter.Block block : chapter.blocks("yaml")) {
            new YamlPropertySourceLoader()
                    .read("snippet", block.text().getBytes()).keySet().stream()
                            .filter(name -> name.startsWith("ratelimit."))
                            .map(name -> name.replaceAll("\\[\\d+]", "").replaceAll("\\.overrides\\..*", ".overrides"))
                            .forEach(unknown::add);
        }
        unknown.removeIf(SettingsTest::isSetting);
        assertEquals(Set.of(), unknown);
    }

    @Test
    void misspeltNamesAreFound() {
        assertTrue(isSetting("ratelimit.policies.NAME.on-error") && isSetting("ratelimit.dynamodb.table"));
        assertTrue(isSetting("ratelimit.hazelcast"), "a prefix of settings");
        assertTrue(Stream.of("ratelimit.polices", "ratelimit.policies.NAME.onerror", "ratelimit.redis.uri")
                .noneMatch(SettingsTest::isSetting));
    }

    private static boolean isSetting(String name) {
        return SETTINGS.stream().anyMatch(setting -> setting.matcher(name).matches());
    }

    private static List<Pattern> settings() {
        Set<String> names = new HashSet<>();
        try {
            for (URL url : Collections.list(SettingsTest.class.getClassLoader().getResources(METADATA))) {
                try (InputStream in = url.openStream()) {
                    JsonNode metadata = JsonMapper.createDefault().readValue(in.readAllBytes(), JsonNode.class);
                    JsonNode properties = metadata.get("properties");
                    if (properties != null) {
                        properties
                                .values()
                                .forEach(each -> names.add(each.get("name").getStringValue()));
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return names.stream()
                .filter(name -> name.startsWith("ratelimit."))
                .map(SettingsTest::pattern)
                .toList();
    }

    /** Matches the name and its prefixes. */
    private static Pattern pattern(String name) {
        StringBuilder pattern = new StringBuilder();
        String[] parts = name.split("\\.");
        for (int i = 0; i < parts.length; i++) {
            pattern.append(i == 0 ? "" : "(?:\\.")
                    .append(parts[i].replace("[*]", "").replace("*", "[^.]+"));
        }
        return Pattern.compile(pattern + ")?".repeat(parts.length - 1));
    }

    private static String sources() {
        StringBuilder sources = new StringBuilder();
        try (Stream<Path> files = Files.walk(Path.of("../micronaut-ratelimit/src/main/java"))) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                sources.append(Files.readString(file));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return sources.toString();
    }
}
