package io.github.micronautratelimit.web;

import org.jspecify.annotations.Nullable;

/**
 * What a key or a cost may be made of, as a server's request is seen from here. Nothing a client sends makes a method
 * throw, apart from {@link #custom}, which is the application's own code.
 */
public interface WebRequest {

    /**
     * The client's address, as {@link ClientAddress} finds it.
     *
     * @return an address or a range of addresses, in one spelling
     */
    String address();

    /**
     * The name of the authenticated user.
     *
     * @return the name, or {@code null} if nobody is authenticated
     */
    @Nullable String userName();

    /**
     * A request header.
     *
     * @param name the header's name in any case
     * @return the value of its first line, or {@code null}
     */
    @Nullable String header(String name);

    /**
     * A cookie.
     *
     * @param name the cookie's name
     * @return its value, or {@code null}
     */
    @Nullable String cookie(String name);

    /**
     * A parameter of the query, never of the body.
     *
     * @param name the parameter's name
     * @return its first value, decoded, or {@code null}
     */
    @Nullable String query(String name);

    /**
     * A variable of the route's path.
     *
     * @param name the variable's name
     * @return its value, decoded, or {@code null} if the server knows no such variable
     */
    @Nullable String pathVariable(String name);

    /**
     * The length of the body in bytes.
     *
     * @return a number, or {@code null} if the request does not say
     */
    default @Nullable String bodySize() {
        return header("Content-Length");
    }

    /**
     * The WebSocket connection that a message came over.
     *
     * @return what no other connection to this process has, or {@code null} for whatever is no message
     */
    default @Nullable String connection() {
        return null;
    }

    /**
     * What the application's own code finds.
     *
     * @param name the name it goes by
     * @return any text, or {@code null} if it finds nothing
     */
    @Nullable String custom(String name);
}
