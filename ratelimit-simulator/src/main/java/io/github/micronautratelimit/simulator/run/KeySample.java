package io.github.micronautratelimit.simulator.run;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Values by key, in bounded memory. Up to a number of keys, all of them are kept. Whenever there are more, half of the
 * keys are removed, chosen by a hash of the key, and are not kept again. The values of the remaining keys are complete,
 * so each stands for {@link #scale()} keys, and shares of keys are unbiased. Not thread-safe.
 *
 * @param <V> the value of a key
 */
final class KeySample<V> {

    private static final int MIX = 0x9E3779B9;

    private final Map<String, V> values = new HashMap<>();
    private final int maxKeys;
    private final Function<String, V> create;
    private int halvings;

    KeySample(int maxKeys, Function<String, V> create) {
        this.maxKeys = maxKeys;
        this.create = create;
    }

    /** Returns the value of a key, or {@code null} if the key is not in the sample. */
    @Nullable
    V of(String key) {
        V value = values.get(key);
        if (value == null && isKept(key)) {
            value = create.apply(key);
            values.put(key, value);
            if (values.size() > maxKeys) {
                halve();
                return values.get(key);
            }
        }
        return value;
    }

    private void halve() {
        while (values.size() > maxKeys) {
            halvings++;
            values.keySet().removeIf(key -> !isKept(key));
        }
    }

    private boolean isKept(String key) {
        int hash = key.hashCode() * MIX;
        hash ^= hash >>> 15;
        hash *= MIX;
        hash ^= hash >>> 13;
        return (hash & (1 << halvings) - 1) == 0;
    }

    Collection<V> values() {
        return values.values();
    }

    /** Returns the number of keys that each key of the sample stands for. */
    int scale() {
        return 1 << halvings;
    }

    /** Returns the number of keys, which is an estimate if {@link #scale()} is not 1. */
    long keys() {
        return (long) values.size() << halvings;
    }
}
