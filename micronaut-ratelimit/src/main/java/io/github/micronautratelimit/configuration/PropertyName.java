package io.github.micronautratelimit.configuration;

import io.micronaut.core.naming.NameUtils;
import java.util.ArrayList;
import java.util.List;

/**
 * The name of a property, split into hyphenated parts: {@code ratelimit.rules[0].path} has four. In a pattern,
 * {@code *} is any name and {@code [*]} is any index.
 *
 * @param parts the parts
 */
record PropertyName(List<String> parts) {

    private static final String ANY = "*";
    private static final String ANY_INDEX = "[*]";

    static PropertyName of(String text) {
        List<String> parts = new ArrayList<>();
        for (String part : text.split("\\.|(?=\\[)")) {
            parts.add(normalized(part));
        }
        return new PropertyName(parts);
    }

    PropertyName append(String part) {
        List<String> longer = new ArrayList<>(parts);
        longer.add(normalized(part));
        return new PropertyName(longer);
    }

    PropertyName append(List<String> further) {
        List<String> longer = new ArrayList<>(parts);
        longer.addAll(further);
        return new PropertyName(longer);
    }

    private static String normalized(String part) {
        return part.isEmpty() || isIndex(part) ? part : NameUtils.hyphenate(part);
    }

    PropertyName withoutLast() {
        return new PropertyName(parts.subList(0, parts.size() - 1));
    }

    /** Returns the name of the list if this is an element of one, otherwise this name. */
    PropertyName withoutIndex() {
        return isIndex(parts.get(parts.size() - 1)) ? withoutLast() : this;
    }

    boolean hasIndex() {
        return parts.stream().anyMatch(PropertyName::isIndex);
    }

    /** Returns whether this is an element of a list within a rule, such as {@code ratelimit.rules[0].methods[1]}. */
    boolean isElementOfRule() {
        return parts.size() > 3 && parts.get(1).equals("rules") && isIndex(parts.get(parts.size() - 1));
    }

    /** Returns whether this is inside a case, such as {@code ratelimit.policies.api.cases[0].anonymous}. */
    boolean isInCase() {
        return parts.size() > 5
                && parts.get(1).equals("policies")
                && parts.get(3).equals("cases");
    }

    boolean matches(PropertyName pattern) {
        return parts.size() == pattern.parts.size() && isPrefixOf(pattern);
    }

    /** Returns whether this name is, or begins, a name that the pattern matches. */
    boolean isPrefixOf(PropertyName pattern) {
        return parts.size() <= pattern.parts.size()
                && fillIn(pattern).parts.subList(0, parts.size()).equals(parts);
    }

    /** Replaces the wildcards of a pattern by the parts of this name, or by {@code NAME} and {@code [0]}. */
    PropertyName fillIn(PropertyName pattern) {
        List<String> filled = new ArrayList<>();
        for (int i = 0; i < pattern.parts.size(); i++) {
            String part = pattern.parts.get(i);
            boolean has = i < parts.size() && isIndex(parts.get(i)) == isIndex(part);
            filled.add(
                    switch (part) {
                        case ANY -> has ? parts.get(i) : "NAME";
                        case ANY_INDEX -> has ? parts.get(i) : "[0]";
                        default -> part;
                    });
        }
        return new PropertyName(filled);
    }

    private static boolean isIndex(String part) {
        return part.startsWith("[");
    }

    /** Returns the Levenshtein distance: the number of insertions, deletions and replacements of characters. */
    static int editDistance(String one, String other) {
        int[] previous = new int[other.length() + 1];
        for (int j = 0; j < previous.length; j++) {
            previous[j] = j;
        }
        for (int i = 1; i <= one.length(); i++) {
            int[] row = new int[previous.length];
            row[0] = i;
            for (int j = 1; j < row.length; j++) {
                int replaced = previous[j - 1] + (one.charAt(i - 1) == other.charAt(j - 1) ? 0 : 1);
                row[j] = Math.min(replaced, 1 + Math.min(previous[j], row[j - 1]));
            }
            previous = row;
        }
        return previous[other.length()];
    }

    @Override
    public String toString() {
        return String.join(".", parts).replace(".[", "[");
    }
}
