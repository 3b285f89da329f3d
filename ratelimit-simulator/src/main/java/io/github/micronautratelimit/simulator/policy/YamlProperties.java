package io.github.micronautratelimit.simulator.policy;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.YAMLException;

/**
 * The properties of a YAML file, by their names as Micronaut reads them: nested or with dots, in kebab case or camel
 * case. A list of objects has indices, such as {@code rules[0].path}. Immutable.
 */
final class YamlProperties {

    private static final Pattern UPPER = Pattern.compile("(?<=[a-z0-9])([A-Z])");
    private static final Pattern PLACEHOLDER = Pattern.compile("\\$\\{([^}:]+)(?::([^}]*))?}");

    private final Map<String, List<String>> values = new LinkedHashMap<>();
    /** The lists as they are written, because the names of maps in them may be texts whose case matters. */
    private final Map<String, List<?>> lists = new LinkedHashMap<>();

    private final String file;

    /**
     * Reads a file.
     *
     * @param file its name, for messages
     * @param text its content
     * @throws InvalidPolicyException if it is not YAML
     */
    YamlProperties(String file, String text) {
        this.file = file;
        LoaderOptions options = new LoaderOptions();
        options.setAllowDuplicateKeys(false);
        try {
            for (Object document : new Yaml(new SafeConstructor(options)).loadAll(text)) {
                flatten("", document);
            }
        } catch (YAMLException e) {
            throw new InvalidPolicyException("The policies in " + file + " are not valid YAML ("
                    + String.valueOf(e.getMessage()).lines().findFirst().orElse("") + "); correct the file.");
        }
    }

    private void flatten(String prefix, @Nullable Object value) {
        if (value instanceof Map<?, ?> map) {
            String start = prefix.isEmpty() ? "" : prefix + ".";
            map.forEach((key, child) -> flatten(start + kebab(String.valueOf(key)), child));
        } else if (value instanceof List<?> list) {
            lists.put(prefix, list);
            boolean isOfObjects = list.stream().anyMatch(Map.class::isInstance);
            for (int i = 0; i < list.size(); i++) {
                if (isOfObjects) {
                    flatten(prefix + "[" + i + "]", list.get(i));
                } else {
                    add(prefix, list.get(i));
                }
            }
        } else if (value != null) {
            add(prefix, value);
        }
    }

    private void add(String property, Object value) {
        values.computeIfAbsent(property, any -> new ArrayList<>()).add(resolved(property, String.valueOf(value)));
    }

    /** Replaces placeholders by environment variables or their defaults. */
    private String resolved(String property, String text) {
        Matcher placeholder = PLACEHOLDER.matcher(text);
        StringBuilder result = new StringBuilder();
        while (placeholder.find()) {
            String variable = placeholder.group(1).toUpperCase(Locale.ROOT).replaceAll("[.-]", "_");
            String set = System.getenv(variable);
            String value = set == null ? placeholder.group(2) : set;
            if (value == null) {
                if (!property.startsWith("ratelimit.")) {
                    return text;
                }
                throw new InvalidPolicyException(property + " in " + file + " contains " + placeholder.group()
                        + ", which has no value; set the environment variable " + variable + ".");
            }
            placeholder.appendReplacement(result, Matcher.quoteReplacement(value));
        }
        return placeholder.appendTail(result).toString();
    }

    private static String kebab(String name) {
        return UPPER.matcher(name).replaceAll("-$1").toLowerCase(Locale.ROOT);
    }

    /** Returns the names of all properties in their order. */
    List<String> names() {
        return List.copyOf(values.keySet());
    }

    /** Returns the values of a property; empty if it is missing. */
    List<String> list(String property) {
        return values.getOrDefault(property, List.of());
    }

    /** Returns the texts and maps of a property that is a list of them; a single text is a list too. */
    List<?> items(String property) {
        List<?> written = lists.get(property);
        return written == null ? list(property) : (List<?>) resolvedItem(property, written);
    }

    private Object resolvedItem(String property, @Nullable Object item) {
        if (item instanceof List<?> list) {
            return list.stream().map(element -> resolvedItem(property, element)).toList();
        }
        if (item instanceof Map<?, ?> map) {
            Map<Object, Object> resolved = new LinkedHashMap<>();
            map.forEach((name, value) -> resolved.put(name, resolvedItem(property, value)));
            return resolved;
        }
        return resolved(property, String.valueOf(item));
    }

    /** Returns the values of a property that may be a list or a text with commas. */
    List<String> commaList(String property) {
        return list(property).stream()
                .flatMap(value -> List.of(value.split(",")).stream())
                .map(String::strip)
                .filter(value -> !value.isEmpty())
                .toList();
    }

    /** Returns a single value, or {@code null}. */
    @Nullable
    String value(String property) {
        List<String> found = list(property);
        return found.isEmpty() ? null : String.join(",", found);
    }
}
