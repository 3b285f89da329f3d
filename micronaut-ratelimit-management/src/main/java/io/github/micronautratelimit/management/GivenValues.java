package io.github.micronautratelimit.management;

import io.github.micronautratelimit.web.KeyTemplate.Part;
import io.github.micronautratelimit.web.KeyTemplate.Source;
import io.github.micronautratelimit.web.WebRequest;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A request with the values that an operator has written, so that keys are built as for the request of a client.
 *
 * @param values  the values by placeholder
 * @param address the address of the client
 */
record GivenValues(Map<Part, String> values, String address) implements WebRequest {

    @Override
    public @Nullable String userName() {
        String user = values.get(new Part(Source.PRINCIPAL, ""));
        return user != null ? user : values.get(new Part(Source.PRINCIPAL_OR_IP, ""));
    }

    @Override
    public Collection<String> roles() {
        String roles = values.get(new Part(Source.ROLE, ""));
        return roles == null ? List.of() : List.of(roles.split(","));
    }

    @Override
    public @Nullable String claim(String name) {
        return values.get(new Part(Source.CLAIM, name));
    }

    @Override
    public @Nullable String header(String name) {
        if (name.equalsIgnoreCase("Authorization") && values.containsKey(new Part(Source.BEARER_TOKEN, ""))) {
            return "Bearer " + values.get(new Part(Source.BEARER_TOKEN, ""));
        }
        String key = name.equalsIgnoreCase("X-API-Key") ? values.get(new Part(Source.API_KEY, "")) : null;
        return key != null ? key : values.get(new Part(Source.HEADER, name));
    }

    @Override
    public @Nullable String cookie(String name) {
        return values.get(new Part(Source.COOKIE, name));
    }

    @Override
    public @Nullable String query(String name) {
        return values.get(new Part(Source.QUERY, name));
    }

    @Override
    public @Nullable String pathVariable(String name) {
        return values.get(new Part(Source.PATH, name));
    }

    @Override
    public @Nullable String bodySize() {
        return values.get(new Part(Source.BODY_SIZE, ""));
    }

    @Override
    public @Nullable String connection() {
        return values.get(new Part(Source.CONNECTION, ""));
    }

    @Override
    public @Nullable String custom(String name) {
        return values.get(new Part(Source.BEAN, name));
    }
}
