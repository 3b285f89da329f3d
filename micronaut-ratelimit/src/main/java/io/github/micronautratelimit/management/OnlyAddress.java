package io.github.micronautratelimit.management;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.web.WebRequest;

/** A request of which nothing is known but the client's address. */
record OnlyAddress(String address) implements WebRequest {

    @Override
    public @Nullable String userName() {
        return null;
    }

    @Override
    public @Nullable String header(String name) {
        return null;
    }

    @Override
    public @Nullable String cookie(String name) {
        return null;
    }

    @Override
    public @Nullable String query(String name) {
        return null;
    }

    @Override
    public @Nullable String pathVariable(String name) {
        return null;
    }

    @Override
    public @Nullable String custom(String name) {
        return null;
    }
}
