package io.github.micronautratelimit.simulator.convert;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Collects policies, rules, and what cannot be expressed; writes them as YAML. Not thread-safe. */
public final class Conversion {

    private static final int LONGEST_NAME = 100;

    private final Map<String, Map<String, Object>> policies = new LinkedHashMap<>();
    private final List<Map<String, Object>> rules = new ArrayList<>();
    private final List<String> remarks = new ArrayList<>();

    Conversion() {}

    /**
     * Adds a policy.
     *
     * @param name   a name, which is changed if it is not a valid name or is taken
     * @param limits its limits, at least one
     * @param key    its key
     * @return the name in the result
     */
    String policy(String name, List<String> limits, String key) {
        String plain = name.replaceAll("([a-z0-9])([A-Z])", "$1-$2")
                .toLowerCase(Locale.ROOT)
                .replaceAll("[^a-z0-9]+", "-")
                .replaceAll("^-+|-+$", "");
        String start = plain.isEmpty() ? "policy" : plain.substring(0, Math.min(LONGEST_NAME, plain.length()));
        String free = start;
        for (int i = 2; policies.containsKey(free); i++) {
            free = start + "-" + i;
        }
        Map<String, Object> policy = new LinkedHashMap<>();
        policy.put("limits", limits.size() == 1 ? limits.get(0) : limits);
        policy.put("key", key);
        policies.put(free, policy);
        return free;
    }

    /** Adds a setting to a policy. */
    void set(String policy, String setting, Object value) {
        Map<String, Object> settings = policies.get(policy);
        if (settings != null) {
            settings.put(setting, value);
        }
    }

    /**
     * Adds a rule.
     *
     * @param path    the pattern of the path
     * @param methods the methods; empty for all
     * @param policy  the name of the policy
     * @param permits the permits of a request
     */
    void rule(String path, List<String> methods, String policy, long permits) {
        Map<String, Object> rule = new LinkedHashMap<>();
        rule.put("path", path);
        if (!methods.isEmpty()) {
            rule.put("methods", methods);
        }
        rule.put("policy", policy);
        if (permits != 1) {
            rule.put("permits", Long.toString(permits));
        }
        rules.add(rule);
    }

    /** Adds a sentence on what cannot be expressed, once. */
    void remark(String sentence) {
        if (!remarks.contains(sentence)) {
            remarks.add(sentence);
        }
    }

    /** Returns sentences on what cannot be expressed, or has to be checked. */
    public List<String> remarks() {
        return List.copyOf(remarks);
    }

    /** Returns whether the file contained no limit. */
    boolean isEmpty() {
        return policies.isEmpty();
    }

    /**
     * Returns the text of an {@code application.yml}, with the remarks as comments.
     *
     * @param source the name of the file that was converted
     */
    public String toYaml(String source) {
        StringBuilder yaml = new StringBuilder("# Converted from ")
                .append(source.replaceAll("\\p{Cntrl}", " "))
                .append(".\n");
        if (!remarks.isEmpty()) {
            yaml.append("# Not expressed, or to be checked:\n");
            remarks.forEach(remark -> yaml.append("# - ")
                    .append(remark.replaceAll("\\p{Cntrl}", " "))
                    .append('\n'));
        }
        yaml.append("ratelimit:\n  policies:\n");
        policies.forEach((name, settings) -> {
            yaml.append("    ").append(name).append(":\n");
            settings.forEach((setting, value) -> yaml.append("      ")
                    .append(setting)
                    .append(": ")
                    .append(text(value))
                    .append('\n'));
        });
        if (!rules.isEmpty()) {
            yaml.append("  rules:\n");
            rules.forEach(rule -> {
                String indent = "    - ";
                for (Map.Entry<String, Object> setting : rule.entrySet()) {
                    yaml.append(indent)
                            .append(setting.getKey())
                            .append(": ")
                            .append(text(setting.getValue()))
                            .append('\n');
                    indent = "      ";
                }
            });
        }
        return yaml.toString();
    }

    private static String text(@Nullable Object value) {
        if (value instanceof List<?> list) {
            return list.stream().map(Conversion::text).toList().toString();
        }
        String text = String.valueOf(value);
        return value instanceof String && !text.matches("[a-z]+[a-z0-9-]*")
                ? '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\p{Cntrl}", " ") + '"'
                : text;
    }
}
