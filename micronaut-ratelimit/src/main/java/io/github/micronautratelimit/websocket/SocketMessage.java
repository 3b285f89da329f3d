package io.github.micronautratelimit.websocket;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.web.WebRequest;

/**
 * A message, as keys and costs are read from it: who sent it, and over which connection, the request says that opened the
 * connection.
 */
record SocketMessage(WebRequest opening, String connection, long size) implements WebRequest {

    @Override
    public String address() {
        return opening.address();
    }

    @Override
    public @Nullable String userName() {
        return opening.userName();
    }

    @Override
    public @Nullable String header(String name) {
        return opening.header(name);
    }

    @Override
    public @Nullable String cookie(String name) {
        return opening.cookie(name);
    }

    @Override
    public @Nullable String query(String name) {
        return opening.query(name);
    }

    @Override
    public @Nullable String pathVariable(String name) {
        return opening.pathVariable(name);
    }

    @Override
    public @Nullable String custom(String name) {
        return opening.custom(name);
    }

    @Override
    public String bodySize() {
        return Long.toString(size);
    }
}
