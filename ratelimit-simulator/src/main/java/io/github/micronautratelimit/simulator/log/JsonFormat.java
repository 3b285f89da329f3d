package io.github.micronautratelimit.simulator.log;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One JSON object per line. Nested members are named with dots, such as {@code request.remote_ip}; of an array, the
 * first element counts. The usual names of servers and log shippers are known; {@code --field} names others.
 */
final class JsonFormat implements LineFormat {

    private static final JsonFactory JSON = new JsonFactory();

    /** The usual names of each field, as nginx, Caddy, Traefik, Envoy, HAProxy and log shippers write them. */
    private static final Map<String, List<String>> USUAL = Map.of(
            FieldName.TIME,
            List.of(
                    "time",
                    "@timestamp",
                    "timestamp",
                    "ts",
                    "date",
                    "time_local",
                    "time_iso8601",
                    "msec",
                    "start_time",
                    "StartUTC",
                    "StartLocal"),
            FieldName.CLIENT,
            List.of(
                    "client",
                    "client_ip",
                    "clientip",
                    "remote_addr",
                    "remote_ip",
                    "ip",
                    "client.ip",
                    "source.ip",
                    "request.client_ip",
                    "request.remote_ip",
                    "ClientHost",
                    "downstream_remote_address"),
            FieldName.USER,
            List.of("user", "remote_user", "username", "user.name", "user_id", "ClientUsername"),
            FieldName.METHOD,
            List.of("method", "request_method", "verb", "http.request.method", "request.method", "RequestMethod"),
            FieldName.PATH,
            List.of("path", "uri", "url", "request_uri", "url.path", "url.original", "request.uri", "RequestPath"),
            FieldName.REQUEST,
            List.of("request", "request_line"),
            FieldName.STATUS,
            List.of(
                    "status",
                    "status_code",
                    "http.response.status_code",
                    "response",
                    "response_code",
                    "DownstreamStatus"));

    private final Map<String, String> fieldOf = new HashMap<>();
    private final RecordFields fields;

    /**
     * Creates a format.
     *
     * @param mapped the members that a person has named, by field
     * @param wanted the further fields to read
     */
    JsonFormat(Map<String, String> mapped, Set<String> wanted) {
        this.fields = new RecordFields(wanted, new Timestamps());
        mapped.forEach((field, member) -> fieldOf.put(member, field));
        USUAL.forEach((field, members) -> {
            if (!mapped.containsKey(field)) {
                members.forEach(member -> fieldOf.putIfAbsent(member, field));
            }
        });
        for (String field : wanted) {
            if (!mapped.containsKey(field)) {
                usualMembers(field).forEach(member -> fieldOf.putIfAbsent(member, field));
            }
        }
    }

    private static List<String> usualMembers(String field) {
        String name = FieldName.nameIn(field);
        String flat = name.replace('-', '_');
        return FieldName.isHeader(field)
                ? List.of("http_" + flat, flat, name, "headers." + name, "request.headers." + name)
                : List.of("cookie_" + flat, "cookies." + name);
    }

    @Override
    public boolean mayContain(String field) {
        return true;
    }

    @Override
    public @Nullable AccessRecord parse(String line) {
        if (line.isBlank()) {
            return AccessRecord.NOT_A_REQUEST;
        }
        fields.clear();
        try (JsonParser json = JSON.createParser(line)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                return null;
            }
            readObject(json, "");
            return fields.toRecord();
        } catch (IOException e) {
            return null;
        }
    }

    private void readObject(JsonParser json, String prefix) throws IOException {
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String member = prefix.isEmpty() ? json.currentName() : prefix + json.currentName();
            JsonToken value = json.nextToken();
            if (value == JsonToken.START_OBJECT) {
                readObject(json, member + ".");
            } else if (value == JsonToken.START_ARRAY) {
                readFirst(json, member);
            } else if (value != JsonToken.VALUE_NULL) {
                put(member, json.getText());
            }
        }
    }

    private void readFirst(JsonParser json, String member) throws IOException {
        JsonToken first = json.nextToken();
        if (first == JsonToken.END_ARRAY) {
            return;
        }
        if (first.isScalarValue()) {
            put(member, json.getText());
        } else {
            json.skipChildren();
        }
        while (json.nextToken() != JsonToken.END_ARRAY) {
            json.skipChildren();
        }
    }

    /** Names of headers are compared without case. */
    private void put(String member, String value) {
        String field = fieldOf.get(member);
        if (field == null) {
            int dot = member.indexOf("headers.");
            field = dot < 0
                    ? null
                    : fieldOf.get(
                            member.substring(0, dot) + member.substring(dot).toLowerCase(java.util.Locale.ROOT));
        }
        if (field != null) {
            fields.put(field, value);
        }
    }
}
