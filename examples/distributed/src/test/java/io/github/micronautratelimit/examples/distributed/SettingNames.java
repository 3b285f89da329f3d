package io.github.micronautratelimit.examples.distributed;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URL;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/** The names of settings, from the metadata that the compiler writes into each module. */
final class SettingNames {

    private static final String METADATA = "META-INF/spring-configuration-metadata.json";
    /** Settings that no configuration class binds, so the metadata lacks them. */
    private static final Set<String> ADDITIONAL = Set.of("ratelimit.secret", "redis.uri", "redis.health.enabled");

    private static final List<Pattern> KNOWN = known();

    private SettingNames() {}

    private static List<Pattern> known() {
        Set<String> names = new HashSet<>(ADDITIONAL);
        try {
            for (URL url : Collections.list(SettingNames.class.getClassLoader().getResources(METADATA))) {
                try (InputStream in = url.openStream()) {
                    new ObjectMapper()
                            .readTree(in)
                            .path("properties")
                            .forEach(each -> names.add(each.get("name").asText()));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return names.stream()
                .map(name -> Pattern.compile(
                        name.replace(".", "\\.").replace("[*]", "\\[\\]").replace("*", "[^.]+")))
                .toList();
    }

    /** Returns whether a setting exists. An element of a list is {@code []}, without its index. */
    static boolean isKnown(String name) {
        return KNOWN.stream().anyMatch(pattern -> pattern.matcher(name).matches());
    }

    /** Returns the names of all settings in a configuration. */
    static Set<String> of(JsonNode configuration) {
        Set<String> names = new TreeSet<>();
        collect("", configuration, names);
        return names;
    }

    private static void collect(String name, JsonNode node, Set<String> names) {
        if (node.isObject()) {
            node.properties()
                    .forEach(each -> collect(
                            name.isEmpty() ? each.getKey() : name + "." + each.getKey(), each.getValue(), names));
        } else if (node.isArray() && node.size() > 0 && node.get(0).isObject()) {
            node.forEach(each -> collect(name + "[]", each, names));
        } else {
            names.add(name);
        }
    }
}
