package io.github.micronautratelimit.management;

import io.github.micronautratelimit.policy.LimitBinding;
import io.github.micronautratelimit.web.ClientAddress;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.KeyTemplate.Part;
import io.github.micronautratelimit.web.KeyTemplate.Source;
import io.github.micronautratelimit.web.RequestKeys;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The key that an operator wrote into a request body. It resolves to the same key as a client's request with these
 * values.
 *
 * @param key      the value of the only placeholder of the key template, or {@code null}
 * @param parts    the values of several placeholders, by the text between their braces
 * @param address  a client's address, for <code>{ip}</code> and in place of missing values, or {@code null}
 * @param template the key template that is meant if the policy has several, or {@code null}
 */
record KeyQuery(@Nullable String key, Map<String, String> parts, @Nullable String address, @Nullable String template) {

    private static final Set<String> FIELDS = Set.of("policy", "key", "address", "template");

    private static final Part IP = new Part(Source.IP, "");

    private static final RequestKeys KEYS = new RequestKeys();

    /** One of the ways in which a policy builds keys: by a template, or from plain text if there is none. */
    private record KeySource(@Nullable KeyTemplate template, boolean byExpression) {}

    /**
     * Reads a request body.
     *
     * @param body        the fields of a JSON object
     * @param otherFields the fields that the caller reads
     * @throws IllegalArgumentException if a field is unknown or has the wrong type
     */
    static KeyQuery of(Map<String, Object> body, Set<String> otherFields) {
        for (String field : body.keySet()) {
            if (!FIELDS.contains(field) && !otherFields.contains(field)) {
                throw new IllegalArgumentException("Unknown field \"" + field + "\"; the fields are "
                        + Stream.concat(FIELDS.stream(), otherFields.stream())
                                .sorted()
                                .toList() + ".");
            }
        }
        Map<String, String> parts = new LinkedHashMap<>();
        if (body.get("key") instanceof Map<?, ?> several) {
            several.forEach((name, text) -> parts.put(String.valueOf(name), String.valueOf(text)));
        }
        return new KeyQuery(
                parts.isEmpty() ? text(body, "key") : null, parts, text(body, "address"), text(body, "template"));
    }

    /** Returns the text of a field, or {@code null} if it is missing. */
    static @Nullable String text(Map<String, Object> body, String field) {
        Object value = body.get(field);
        if (value == null || value instanceof String || value instanceof Number) {
            return value == null ? null : value.toString();
        }
        throw new IllegalArgumentException("\"" + field + "\" is not a string; write it in quotation marks.");
    }

    /**
     * Builds the key under a policy.
     *
     * @throws IllegalArgumentException if a value is missing, superfluous or invalid; the message says what to write
     */
    String keyUnder(PolicyCatalog.Entry policy, ClientAddress addresses) {
        KeySource source = source(policy);
        if (source.template != null) {
            return keyOf(source.template, addresses);
        }
        String text = key == null ? "" : key;
        if (!parts.isEmpty() || text.isEmpty() && (address == null || !source.byExpression)) {
            throw new IllegalArgumentException("The policy \"" + policy.policy().name()
                    + "\" has no key template; write the key itself as \"key\".");
        }
        if (text.isEmpty()) {
            return RequestKeys.addressKey(normalized(String.valueOf(address), addresses));
        }
        return source.byExpression ? RequestKeys.key(text) : text;
    }

    private KeySource source(PolicyCatalog.Entry policy) {
        Map<String, KeySource> sources = sources(policy);
        if (sources.isEmpty()) {
            return new KeySource(policy.key(), false);
        }
        KeySource source = template != null
                ? sources.get(template)
                : sources.size() == 1 ? sources.values().iterator().next() : null;
        if (source == null) {
            throw new IllegalArgumentException((template == null ? "" : "template = \"" + template + "\": ")
                    + "The policy \"" + policy.policy().name() + "\" has the key template"
                    + (sources.size() == 1 ? " " : "s ") + String.join(" and ", sources.keySet()) + "; write "
                    + (sources.size() == 1 ? "it" : "one of them") + " as \"template\".");
        }
        return source;
    }

    private static Map<String, KeySource> sources(PolicyCatalog.Entry policy) {
        Map<String, KeySource> sources = new LinkedHashMap<>();
        for (LimitBinding binding : policy.bindings()) {
            KeyTemplate template = binding.key() == null ? KeyTemplate.parse(PolicyCatalog.GLOBAL_KEY) : binding.key();
            sources.put(
                    PolicyCatalog.keyOf(binding),
                    binding.keyExpression() != null ? new KeySource(null, true) : new KeySource(template, false));
        }
        return sources;
    }

    /** Fills in the given values. The address replaces the missing ones, as for a request. */
    private String keyOf(KeyTemplate template, ClientAddress addresses) {
        Map<Part, String> given = given(template);
        requireKnown(given, template);
        given.computeIfPresent(IP, (part, text) -> normalized(text, addresses));
        List<Part> missing = template.parts().stream()
                .filter(KeyQuery::isPlaceholder)
                .filter(part -> !given.containsKey(part))
                .toList();
        if (missing.isEmpty() && address != null) {
            throw new IllegalArgumentException(
                    "The key template \"" + template + "\" needs no address; omit \"address\".");
        }
        if (!missing.isEmpty() && address == null) {
            throw new IllegalArgumentException("The value of " + missing.get(0) + " in the key template \"" + template
                    + "\" is missing; write it as \"key\", or write the client's address as \"address\".");
        }
        String client = address == null ? given.getOrDefault(IP, "") : normalized(address, addresses);
        if (!client.equals(given.getOrDefault(IP, client))) {
            throw new IllegalArgumentException("\"address\" and the value of {ip} differ; omit one of them.");
        }
        return KEYS.keyOf(template, new GivenValues(given, client));
    }

    /** Returns the keys of a policy that have a value, one for each of its templates with a single placeholder. */
    static Set<String> keysOf(PolicyCatalog.Entry policy, String value) {
        Map<String, KeySource> sources = sources(policy);
        Set<String> keys = new LinkedHashSet<>();
        for (KeySource source :
                sources.isEmpty() ? List.of(new KeySource(policy.key(), false)) : List.copyOf(sources.values())) {
            if (source.template == null) {
                keys.add(source.byExpression ? RequestKeys.key(value) : value);
            } else if (source.template.parts().size() == 1) {
                keys.add(KEYS.keyOf(
                        source.template,
                        new GivenValues(Map.of(source.template.parts().get(0), value), value)));
            }
        }
        return keys;
    }

    private Map<Part, String> given(KeyTemplate template) {
        Map<Part, String> given = new HashMap<>();
        parts.forEach((name, text) ->
                given.put(KeyTemplate.parse("{" + name + "}").parts().get(0), text));
        if (key != null) {
            given.put(onlyPlaceholder(template), key);
        }
        given.values().removeIf(String::isEmpty);
        return given;
    }

    private static Part onlyPlaceholder(KeyTemplate template) {
        List<Part> placeholders = template.parts().stream()
                .filter(KeyQuery::isPlaceholder)
                .distinct()
                .toList();
        if (placeholders.size() != 1) {
            throw new IllegalArgumentException("The key template \"" + template + "\" "
                    + (placeholders.isEmpty()
                            ? "gives all requests the same key; omit \"key\"."
                            : "has several placeholders; write \"key\" as an object with a value for each."));
        }
        return placeholders.get(0);
    }

    private static void requireKnown(Map<Part, String> given, KeyTemplate template) {
        for (Part part : given.keySet()) {
            if (!template.parts().contains(part)) {
                throw new IllegalArgumentException(
                        "The key template \"" + template + "\" has no " + part + "; omit it.");
            }
        }
    }

    private static boolean isPlaceholder(Part part) {
        return part.source() != Source.TEXT && part.source() != Source.GLOBAL;
    }

    private static String normalized(String address, ClientAddress addresses) {
        String normalized = addresses.spelled(address);
        if (normalized == null) {
            throw new IllegalArgumentException(
                    "The address is invalid; write one like \"203.0.113.7\" or" + " \"2001:db8::7\", without a port.");
        }
        return normalized;
    }
}
