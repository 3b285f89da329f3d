package io.github.micronautratelimit.internal;

import java.util.concurrent.ConcurrentMap;

/** Replaces a text in a map only if it has not changed. A missing entry stands for the empty text. */
public final class MapRecord {

    private MapRecord() {}

    /**
     * Replaces a text in one atomic step.
     *
     * @param texts       the texts by name
     * @param name        the name of the text
     * @param expected    the present text
     * @param replacement the new text
     * @return whether the present text was the expected one; if not, nothing has changed
     */
    public static boolean replace(
            ConcurrentMap<String, String> texts, String name, String expected, String replacement) {
        if (expected.isEmpty()) {
            return replacement.isEmpty() ? !texts.containsKey(name) : texts.putIfAbsent(name, replacement) == null;
        }
        return replacement.isEmpty() ? texts.remove(name, expected) : texts.replace(name, expected, replacement);
    }
}
