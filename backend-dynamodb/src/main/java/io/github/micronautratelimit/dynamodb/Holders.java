package io.github.micronautratelimit.dynamodb;

import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;

import io.github.micronautratelimit.Decision;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/**
 * Who holds a place, as an item says it: an attribute for each, by the microsecond in which it expires.
 *
 * @param ends the ends by holder's attribute
 */
record Holders(Map<String, Long> ends) {

    private static final String PREFIX = "h";
    private static final Base64.Encoder BASE64 = Base64.getUrlEncoder().withoutPadding();

    static Holders of(Map<String, AttributeValue> item) {
        Map<String, Long> ends = new TreeMap<>();
        item.forEach((name, value) -> {
            if (name.startsWith(PREFIX) && value.n() != null) {
                ends.put(name, Long.parseLong(value.n()));
            }
        });
        return new Holders(ends);
    }

    static String attribute(UUID holder) {
        return PREFIX + BASE64.encodeToString(ByteBuffer.allocate(16).putLong(holder.getMostSignificantBits())
                .putLong(holder.getLeastSignificantBits()).array());
    }

    boolean holds(String attribute, long now) {
        return ends.getOrDefault(attribute, now) > now;
    }

    List<String> expired(long now) {
        return ends.entrySet().stream().filter(end -> end.getValue() <= now).map(Map.Entry::getKey).toList();
    }

    private List<Long> live(long now) {
        return ends.values().stream().filter(end -> end > now).sorted().toList();
    }

    /** How the key stands. */
    Decision standing(long places, long now) {
        return live(now).size() < places ? grant(places, now) : denial(places, now);
    }

    /** With a place among them for who asked. */
    Decision grant(long places, long now) {
        List<Long> live = live(now);
        return new Decision.Allowed(Math.max(0, places - live.size()),
                live.isEmpty() ? 0 : live.get(live.size() - 1) - now, Decision.Source.STORE);
    }

    Decision denial(long places, long now) {
        List<Long> live = live(now);
        return new Decision.Denied(0, live.get((int) (live.size() - places)) - now, live.get(live.size() - 1) - now,
                List.of(), Decision.Source.STORE);
    }
}
