package io.github.micronautratelimit.simulator.log;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.github.micronautratelimit.simulator.log.AccessRecord.RecordedDecision;
import java.io.IOException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The decisions that an application with {@code ratelimit.record.path} has written: one JSON object per line, with the
 * time in microseconds, the policy, the hash of the key, the permits and the outcome.
 */
final class RecordedFormat implements LineFormat {

    private static final JsonFactory JSON = new JsonFactory();

    @Override
    public boolean mayContain(String field) {
        return true;
    }

    @Override
    public @Nullable AccessRecord parse(String line) {
        if (line.isBlank()) {
            return AccessRecord.NOT_A_REQUEST;
        }
        long micros = -1;
        long permits = 1;
        String policy = null;
        String key = null;
        boolean allowed = true;
        try (JsonParser json = JSON.createParser(line)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                return null;
            }
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String member = json.currentName();
                json.nextToken();
                switch (member) {
                    case "t" -> micros = json.getLongValue();
                    case "policy" -> policy = json.getText();
                    case "key" -> key = json.getText();
                    case "permits" -> permits = json.getLongValue();
                    case "outcome" -> allowed = json.getText().equals("allowed");
                    default -> json.skipChildren();
                }
            }
        } catch (IOException e) {
            return null;
        }
        return micros < 0 || policy == null || key == null || permits < 0
                ? null
                : new AccessRecord(
                        micros, key, null, "-", "/", 0, Map.of(), new RecordedDecision(policy, key, permits, allowed));
    }
}
