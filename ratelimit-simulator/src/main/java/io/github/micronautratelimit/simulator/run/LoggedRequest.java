package io.github.micronautratelimit.simulator.run;

import io.github.micronautratelimit.simulator.log.AccessRecord;
import io.github.micronautratelimit.simulator.log.FieldName;
import io.github.micronautratelimit.web.RequestPath;
import io.github.micronautratelimit.web.WebRequest;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Adapts a request of a log for the resolution of keys and costs, and for the conditions of cases. */
final class LoggedRequest implements WebRequest {

    private final AccessRecord record;
    private final String address;
    private @Nullable RequestPath path;

    LoggedRequest(AccessRecord record, String address) {
        this.record = record;
        this.address = address;
    }

    @Override
    public String address() {
        return address;
    }

    @Override
    public @Nullable String userName() {
        return record.user();
    }

    @Override
    public String method() {
        return record.method().toUpperCase(Locale.ROOT);
    }

    /** Reads the path only if a condition needs it. */
    @Override
    public RequestPath path() {
        RequestPath read = path;
        if (read == null) {
            read = new RequestPath(record.path());
            path = read;
        }
        return read;
    }

    @Override
    public @Nullable String header(String name) {
        return record.values().get(FieldName.header(name));
    }

    @Override
    public @Nullable String cookie(String name) {
        return record.values().get(FieldName.cookie(name));
    }

    @Override
    public @Nullable String query(String name) {
        List<String> values = queryValues(name);
        return values.isEmpty() ? null : values.get(0);
    }

    @Override
    public List<String> queryValues(String name) {
        List<String> values = new ArrayList<>();
        for (String pair : record.queryText().split("&")) {
            int equals = pair.indexOf('=');
            String found = equals < 0 ? pair : pair.substring(0, equals);
            if (decoded(found).equals(name)) {
                values.add(equals < 0 ? "" : decoded(pair.substring(equals + 1)));
            }
        }
        return values;
    }

    private static String decoded(String text) {
        try {
            return URLDecoder.decode(text, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            return text;
        }
    }
}
