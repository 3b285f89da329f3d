package io.github.micronautratelimit.http;

import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.http.HttpMethod;
import io.micronaut.http.HttpRequest;
import io.micronaut.web.router.resource.StaticResourceResolver;
import jakarta.inject.Singleton;
import java.util.Optional;

/** Recognizes requests that the server answers with a file of {@code micronaut.router.static-resources}. */
@Singleton
@RequiresRateLimit
final class StaticFiles {

    private final Optional<StaticResourceResolver> files;

    StaticFiles(Optional<StaticResourceResolver> files) {
        this.files = files;
    }

    /** Returns whether a request without a route is one for a file that exists, as the server will find it. */
    boolean isFile(HttpRequest<?> request) {
        if (files.isEmpty() || request.getMethod() != HttpMethod.GET && request.getMethod() != HttpMethod.HEAD) {
            return false;
        }
        try {
            return files.get().resolve(request.getUri().getPath()).isPresent();
        } catch (RuntimeException e) {
            return false;
        }
    }
}
