package io.github.micronautratelimit.client;

import io.github.micronautratelimit.web.KeyTemplate.Source;
import io.github.micronautratelimit.web.WebRequest;
import io.micronaut.http.HttpRequest;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The values of an outgoing request that a partition may contain. The host of the service replaces a missing value. */
record OutgoingRequest(HttpRequest<?> request) implements WebRequest {

    static final Set<Source> SOURCES =
            Set.of(Source.TEXT, Source.GLOBAL, Source.API_KEY, Source.BEARER_TOKEN, Source.HEADER, Source.QUERY);

    @Override
    public String address() {
        String host = request.getUri().getHost();
        return host == null ? "" : host;
    }

    @Override
    public @Nullable String header(String name) {
        return request.getHeaders().get(name);
    }

    @Override
    public List<String> headerLines(String name) {
        return request.getHeaders().getAll(name);
    }

    @Override
    public @Nullable String query(String name) {
        return request.getParameters().get(name);
    }

    @Override
    public List<String> queryValues(String name) {
        return request.getParameters().getAll(name);
    }
}
