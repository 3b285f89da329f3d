package io.github.micronautratelimit.dynamodb;

import java.util.LinkedHashMap;
import java.util.Map;

import org.jspecify.annotations.Nullable;

/**
 * The keys as this process has last seen them, the least recently used of which are forgotten first. Nothing is decided by
 * what was seen: it tells which request to make, and a key that was forgotten costs a second one at most.
 */
final class Seen {

    private final Map<String, Item> items;

    Seen(int most) {
        this.items = new LinkedHashMap<>(16, 0.75f, true) {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(Map.Entry<String, Item> eldest) {
                return size() > most;
            }
        };
    }

    synchronized @Nullable Item get(String key) {
        return items.get(key);
    }

    synchronized void put(String key, Item item) {
        items.put(key, item);
    }

    synchronized void forget(String key) {
        items.remove(key);
    }

    synchronized void forgetAll() {
        items.clear();
    }
}
