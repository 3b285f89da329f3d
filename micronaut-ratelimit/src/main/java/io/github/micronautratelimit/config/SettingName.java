package io.github.micronautratelimit.config;

import java.util.ArrayList;
import java.util.List;

import io.micronaut.core.naming.NameUtils;

/**
 * The name of a setting in its parts: {@code ratelimit.rules[0].path} has four, hyphenated. In the name of a kind of
 * settings, {@code *} stands for any name and {@code [*]} for any index.
 *
 * @param parts the parts
 */
record SettingName(List<String> parts) {

    private static final String ANY = "*";
    private static final String ANY_INDEX = "[*]";

    static SettingName of(String text) {
        List<String> parts = new ArrayList<>();
        for (String part : text.split("\\.|(?=\\[)")) {
            parts.add(isIndex(part) ? part : NameUtils.hyphenate(part));
        }
        return new SettingName(parts);
    }

    SettingName then(String part) {
        List<String> longer = new ArrayList<>(parts);
        longer.add(isIndex(part) ? part : NameUtils.hyphenate(part));
        return new SettingName(longer);
    }

    /** The name of what this is an element of, or this name. */
    SettingName withoutIndex() {
        int last = parts.size() - 1;
        return isIndex(parts.get(last)) ? new SettingName(parts.subList(0, last)) : this;
    }

    boolean isOf(SettingName kind) {
        return parts.size() == kind.parts.size() && isAbove(kind);
    }

    /** Whether settings of a kind, or of a kind below it, stand under this name. */
    boolean isAbove(SettingName kind) {
        return parts.size() <= kind.parts.size() && like(kind).parts.subList(0, parts.size()).equals(parts);
    }

    /** The name of that kind which has this name's parts wherever the kind leaves them open. */
    SettingName like(SettingName kind) {
        List<String> filled = new ArrayList<>();
        for (int i = 0; i < kind.parts.size(); i++) {
            String part = kind.parts.get(i);
            boolean has = i < parts.size() && isIndex(parts.get(i)) == isIndex(part);
            filled.add(part.equals(ANY) ? has ? parts.get(i) : "NAME"
                    : part.equals(ANY_INDEX) ? has ? parts.get(i) : "[0]" : part);
        }
        return new SettingName(filled);
    }

    private static boolean isIndex(String part) {
        return part.startsWith("[");
    }

    /** How many characters have to be added, left out or replaced to make one text of another. */
    static int distance(String one, String other) {
        int[] before = new int[other.length() + 1];
        for (int j = 0; j < before.length; j++) {
            before[j] = j;
        }
        for (int i = 1; i <= one.length(); i++) {
            int[] now = new int[before.length];
            now[0] = i;
            for (int j = 1; j < now.length; j++) {
                int replaced = before[j - 1] + (one.charAt(i - 1) == other.charAt(j - 1) ? 0 : 1);
                now[j] = Math.min(replaced, 1 + Math.min(before[j], now[j - 1]));
            }
            before = now;
        }
        return before[other.length()];
    }

    @Override
    public String toString() {
        return String.join(".", parts).replace(".[", "[");
    }
}
