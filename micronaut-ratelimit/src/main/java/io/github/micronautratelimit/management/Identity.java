package io.github.micronautratelimit.management;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.intercept.AppliedLimit;
import io.github.micronautratelimit.web.ClientAddress;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.KeyTemplate.Part;
import io.github.micronautratelimit.web.KeyTemplate.Source;
import io.github.micronautratelimit.web.RequestKeys;

/**
 * Whom an operator means, as he writes it: the same key is made of it as of a request that comes with it.
 *
 * @param key      the text for the one placeholder of the policy's key, or {@code null}
 * @param parts    the texts for its placeholders, if it has several, by what stands between the braces
 * @param address  a client's address, for <code>{ip}</code> and in place of what is missing, or {@code null}
 * @param template which of the policy's keys is meant, if several places have different ones, or {@code null}
 */
record Identity(@Nullable String key, Map<String, String> parts, @Nullable String address, @Nullable String template) {

    private static final Set<String> FIELDS = Set.of("policy", "key", "address", "template");

    private static final RequestKeys KEYS = new RequestKeys();

    /** One of the ways a policy's keys are made: a template; or, without one, any text. */
    private record Way(@Nullable KeyTemplate template, boolean byExpression) {
    }

    /**
     * Reads what an operator sent.
     *
     * @param sent    the fields of a JSON object
     * @param further the fields that are somebody else's to read
     * @throws IllegalArgumentException if there is a field of another name or of the wrong kind
     */
    static Identity of(Map<String, Object> sent, Set<String> further) {
        for (String field : sent.keySet()) {
            if (!FIELDS.contains(field) && !further.contains(field)) {
                throw new IllegalArgumentException("There is no field \"" + field + "\" here; write "
                        + Stream.concat(FIELDS.stream(), further.stream()).sorted().toList() + ".");
            }
        }
        Map<String, String> parts = new LinkedHashMap<>();
        if (sent.get("key") instanceof Map<?, ?> several) {
            several.forEach((name, text) -> parts.put(String.valueOf(name), String.valueOf(text)));
        }
        return new Identity(parts.isEmpty() ? text(sent, "key") : null, parts, text(sent, "address"),
                text(sent, "template"));
    }

    /** The text of a field; {@code null} if it is not there. */
    static @Nullable String text(Map<String, Object> sent, String field) {
        Object found = sent.get(field);
        if (found == null || found instanceof String || found instanceof Number) {
            return found == null ? null : found.toString();
        }
        throw new IllegalArgumentException("\"" + field + "\" is no text; write one between quotation marks.");
    }

    /**
     * The key.
     *
     * @throws IllegalArgumentException if this is not enough to make one, or too much; the message says what to write
     */
    String keyUnder(Catalog.Entry policy, ClientAddress addresses) {
        Way way = way(policy);
        if (way.template != null) {
            return keyOf(way.template, addresses);
        }
        if (!parts.isEmpty() || (key == null || key.isEmpty()) && (address == null || !way.byExpression)) {
            throw new IllegalArgumentException("Whom the policy \"" + policy.policy().name() + "\" limits is not said by a "
                    + "template; write the text that says it as \"key\".");
        }
        if (key == null || key.isEmpty()) {
            return RequestKeys.addressKey(spelled(String.valueOf(address), addresses));
        }
        return way.byExpression ? RequestKeys.key(key) : key;
    }

    private Way way(Catalog.Entry policy) {
        Map<String, Way> ways = new LinkedHashMap<>();
        for (AppliedLimit limit : policy.places()) {
            ways.put(Catalog.keyOf(limit), limit.keyExpression() != null ? new Way(null, true)
                    : new Way(limit.key() == null ? KeyTemplate.parse(Catalog.EVERYBODY) : limit.key(), false));
        }
        if (ways.isEmpty()) {
            return new Way(policy.key(), false);
        }
        Way way = template != null ? ways.get(template) : ways.size() == 1 ? ways.values().iterator().next() : null;
        if (way == null) {
            throw new IllegalArgumentException((template == null ? "" : "template = \"" + template + "\": ")
                    + "The policy \"" + policy.policy().name() + "\" has the key" + (ways.size() == 1 ? " " : "s ")
                    + String.join(" and ", ways.keySet()) + "; write the one you mean as \"template\".");
        }
        return way;
    }

    /** Puts texts in the place of placeholders; those without one are left to the address. */
    private String keyOf(KeyTemplate template, ClientAddress addresses) {
        Map<Part, String> given = given(template);
        given.keySet().stream().filter(part -> !template.parts().contains(part)).findFirst().ifPresent(part -> {
            throw new IllegalArgumentException("The key \"" + template + "\" has no " + part + "; leave it out.");
        });
        List<Part> filled = template.parts().stream().map(part -> given.containsKey(part)
                ? new Part(Source.TEXT, asRead(part, given.get(part), addresses)) : part).toList();
        List<Part> missing = filled.stream()
                .filter(part -> part.source() != Source.TEXT && part.source() != Source.GLOBAL).toList();
        if (missing.isEmpty() && address != null) {
            throw new IllegalArgumentException("The key \"" + template + "\" is known without an address; leave it out.");
        }
        if (!missing.isEmpty() && address == null) {
            throw new IllegalArgumentException("What stands for " + missing.get(0) + " in the key \"" + template
                    + "\" is missing; write it as \"key\", or as \"address\" the address that stands in for it.");
        }
        return KEYS.keyOf(new KeyTemplate(template.text(), filled),
                new OnlyAddress(address == null ? "" : spelled(address, addresses)));
    }

    private Map<Part, String> given(KeyTemplate template) {
        Map<Part, String> given = new HashMap<>();
        parts.forEach((name, text) -> given.put(KeyTemplate.parse("{" + name + "}").parts().get(0), text));
        if (key != null) {
            List<Part> placeholders = template.parts().stream()
                    .filter(part -> part.source() != Source.TEXT && part.source() != Source.GLOBAL).distinct().toList();
            if (placeholders.size() != 1) {
                throw new IllegalArgumentException("The key \"" + template + "\" " + (placeholders.isEmpty()
                        ? "is the same for everybody; leave out \"key\"."
                        : "has several placeholders; write an object as \"key\", with a text for each."));
            }
            given.put(placeholders.get(0), key);
        }
        given.values().removeIf(String::isEmpty);
        return given;
    }

    private static String asRead(Part part, String text, ClientAddress addresses) {
        return switch (part.source()) {
            case IP -> spelled(text, addresses);
            case BEARER_TOKEN -> KeyHash.of(text.strip());
            default -> text;
        };
    }

    private static String spelled(String address, ClientAddress addresses) {
        String spelled = addresses.spelled(address);
        if (spelled == null) {
            throw new IllegalArgumentException(
                    "This is no address; write one like \"203.0.113.7\" or \"2001:db8::7\", without a port.");
        }
        return spelled;
    }
}
