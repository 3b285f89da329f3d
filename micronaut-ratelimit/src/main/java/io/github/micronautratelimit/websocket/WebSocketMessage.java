package io.github.micronautratelimit.websocket;

import io.github.micronautratelimit.web.RequestPath;
import io.github.micronautratelimit.web.WebRequest;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A message, from which costs are read. All other values come from the request that opened the connection.
 *
 * @param opening    the request that opened the connection
 * @param connection identifies the connection within this process
 * @param size       the length of the message in bytes
 */
record WebSocketMessage(WebRequest opening, String connection, long size) implements WebRequest {

    @Override
    public String address() {
        return opening.address();
    }

    @Override
    public @Nullable String userName() {
        return opening.userName();
    }

    @Override
    public Collection<String> roles() {
        return opening.roles();
    }

    @Override
    public @Nullable String claim(String name) {
        return opening.claim(name);
    }

    @Override
    public String method() {
        return opening.method();
    }

    @Override
    public @Nullable RequestPath path() {
        return opening.path();
    }

    @Override
    public @Nullable String header(String name) {
        return opening.header(name);
    }

    @Override
    public List<String> headerLines(String name) {
        return opening.headerLines(name);
    }

    @Override
    public @Nullable String cookie(String name) {
        return opening.cookie(name);
    }

    @Override
    public List<String> cookieValues(String name) {
        return opening.cookieValues(name);
    }

    @Override
    public @Nullable String query(String name) {
        return opening.query(name);
    }

    @Override
    public List<String> queryValues(String name) {
        return opening.queryValues(name);
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
