package io.github.micronautratelimit.simulator.convert;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.YAMLException;

/** A part of a YAML file, whose names are compared without case and hyphens. Immutable. */
final class Tree {

    private static final Tree EMPTY = new Tree(null);

    private final @Nullable Object value;

    private Tree(@Nullable Object value) {
        this.value = value;
    }

    static Tree parse(String text) {
        try {
            return new Tree(nested(new Yaml(new SafeConstructor(new LoaderOptions())).load(text)));
        } catch (YAMLException e) {
            throw new InvalidSourceException("The file is not valid YAML ("
                    + String.valueOf(e.getMessage()).lines().findFirst().orElse("") + "); correct it, or pass --from.");
        }
    }

    /** Makes maps of names with dots, such as {@code spring.cloud.gateway}. */
    private static @Nullable Object nested(@Nullable Object value) {
        if (value instanceof List<?> list) {
            return list.stream().map(Tree::nested).toList();
        }
        if (!(value instanceof Map<?, ?> map)) {
            return value;
        }
        Map<String, @Nullable Object> result = new LinkedHashMap<>();
        map.forEach((key, child) -> put(result, String.valueOf(key), nested(child)));
        return result;
    }

    @SuppressWarnings("unchecked")
    private static void put(Map<String, @Nullable Object> map, String key, @Nullable Object child) {
        int dot = key.indexOf('.');
        if (dot <= 0) {
            map.put(key, child);
        } else {
            Object inner = map.computeIfAbsent(key.substring(0, dot), any -> new LinkedHashMap<String, Object>());
            if (inner instanceof Map<?, ?>) {
                put((Map<String, @Nullable Object>) inner, key.substring(dot + 1), child);
            }
        }
    }

    private static String plain(String name) {
        return name.replace("-", "").replace("_", "").toLowerCase(Locale.ROOT);
    }

    /** Returns the part of a name with dots; an empty part if it is missing. */
    Tree at(String path) {
        Tree part = this;
        for (String name : path.split("\\.")) {
            part = part.child(name);
        }
        return part;
    }

    private Tree child(String name) {
        if (value instanceof Map<?, ?> map) {
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                if (plain(String.valueOf(entry.getKey())).equals(plain(name))) {
                    return new Tree(entry.getValue());
                }
            }
        }
        return EMPTY;
    }

    boolean has(String path) {
        return at(path).value != null;
    }

    boolean isEmpty() {
        return value == null;
    }

    /** Returns the elements of a list; a single value is a list of one. */
    List<Tree> list() {
        if (value instanceof List<?> list) {
            return list.stream().map(Tree::new).toList();
        }
        return value == null ? List.of() : List.of(this);
    }

    /** Returns the names of a map. */
    Set<String> names() {
        Set<String> names = new java.util.LinkedHashSet<>();
        if (value instanceof Map<?, ?> map) {
            map.keySet().forEach(key -> names.add(String.valueOf(key)));
        }
        return names;
    }

    /** Returns the value as text; empty if it is missing. */
    String text() {
        return value == null ? "" : String.valueOf(value).strip();
    }

    String text(String path) {
        return at(path).text();
    }

    /** Returns a whole number; otherwise the default. */
    long number(String path, long otherwise) {
        String text = text(path);
        return text.matches("\\d{1,12}") ? Long.parseLong(text) : otherwise;
    }

    boolean isTrue(String path) {
        return text(path).equalsIgnoreCase("true");
    }
}
