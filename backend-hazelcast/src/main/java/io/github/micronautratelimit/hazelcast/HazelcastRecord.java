package io.github.micronautratelimit.hazelcast;

import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.map.IMap;
import io.github.micronautratelimit.RateLimitBackend.SharedRecord;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.internal.MapRecord;
import java.util.concurrent.CompletionStage;

/**
 * Keeps a text in an entry of a map of its own, {@code ratelimit-records:namespace}. Members execute nothing of this
 * library, so they may lack it.
 */
final class HazelcastRecord implements SharedRecord {

    private final HazelcastInstance hazelcast;
    private final RateLimitMap map;
    private final String mapName;
    private final String name;

    HazelcastRecord(HazelcastInstance hazelcast, RateLimitMap map, String namespace, String name) {
        this.hazelcast = hazelcast;
        this.map = map;
        this.mapName = RateLimitMapConfig.RECORDS_PREFIX + namespace;
        this.name = SharedRecord.requireName(name);
    }

    @Override
    public CompletionStage<String> read() {
        return map.onThreadOf(name, () -> {
            String text = texts().get(name);
            return text == null ? "" : text;
        });
    }

    @Override
    public CompletionStage<Boolean> replace(String expected, String replacement) {
        return Futures.call(() -> {
            SharedRecord.requireFitting(replacement);
            return map.onThreadOf(name, () -> MapRecord.replace(texts(), name, expected, replacement));
        });
    }

    /** Returns the map; each time, because a client may not have reached the cluster before. */
    private IMap<String, String> texts() {
        return hazelcast.getMap(mapName);
    }
}
