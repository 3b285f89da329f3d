package io.github.micronautratelimit.simulator.log;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Collects the fields of one line by name, and makes the request of them. */
final class RecordFields {

    private static final String MISSING = "-";

    private final Map<String, String> found = new HashMap<>();
    private final Set<String> wanted;
    private final Timestamps timestamps;

    RecordFields(Set<String> wanted, Timestamps timestamps) {
        this.wanted = wanted;
        this.timestamps = timestamps;
    }

    /** Forgets the fields of the last line. */
    void clear() {
        found.clear();
    }

    /** Adds a field unless its value is empty or a hyphen; the first value counts. */
    void put(String field, @Nullable String value) {
        if (value != null && !value.isEmpty() && !value.equals(MISSING)) {
            found.putIfAbsent(field, value);
        }
    }

    /** Adds all wanted cookies of the header {@code Cookie}. */
    void putCookies(String header) {
        for (String pair : header.split(";")) {
            int equals = pair.indexOf('=');
            if (equals > 0) {
                String field = FieldName.cookie(pair.substring(0, equals).strip());
                if (wanted.contains(field)) {
                    put(field, pair.substring(equals + 1).strip());
                }
            }
        }
    }

    @Nullable
    String get(String field) {
        return found.get(field);
    }

    /** Returns the request, or {@code null} if time or client is missing. */
    @Nullable
    AccessRecord toRecord() {
        String time = found.get(FieldName.TIME);
        String client = found.get(FieldName.CLIENT);
        long micros = time == null ? Timestamps.UNREADABLE : timestamps.any(time);
        if (client == null || micros == Timestamps.UNREADABLE) {
            return null;
        }
        String method = found.get(FieldName.METHOD);
        String target = found.get(FieldName.PATH);
        if (method == null || target == null) {
            RequestLine line = RequestLine.parse(found.get(FieldName.REQUEST));
            method = method == null ? line.method() : method;
            target = target == null ? line.target() : target;
        }
        return new AccessRecord(micros, client, found.get(FieldName.USER), method, target, status(), values(), null);
    }

    private int status() {
        String text = found.get(FieldName.STATUS);
        if (text == null || text.length() > 3) {
            return 0;
        }
        int status = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c < '0' || c > '9') {
                return 0;
            }
            status = status * 10 + c - '0';
        }
        return status;
    }

    private Map<String, String> values() {
        if (wanted.isEmpty()) {
            return Map.of();
        }
        Map<String, String> values = new HashMap<>();
        for (String field : wanted) {
            String value = found.get(field);
            if (value != null) {
                values.put(field, value);
            }
        }
        return values;
    }
}
