package io.github.micronautratelimit.web;

import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The values of a request that keys and costs may contain. Each integration implements it for the requests of its
 * server. Values that a kind of request does not have are {@code null} by default.
 *
 * <p>No input of a client makes a method throw an exception. Only {@link #custom} may throw one, because it calls code
 * of the application.
 */
public interface WebRequest {

    /**
     * Returns the address of the client, as {@link ClientAddress} finds it.
     *
     * @return an address or a range of addresses in canonical form
     */
    String address();

    /**
     * Returns the name of the authenticated user.
     *
     * @return the name, or {@code null} if no user is authenticated
     */
    default @Nullable String userName() {
        return null;
    }

    /**
     * Returns the roles of the authenticated user.
     *
     * @return names; empty if no user is authenticated, or the server knows no roles
     */
    default Collection<String> roles() {
        return List.of();
    }

    /**
     * Returns whether the authenticated user has a role.
     *
     * @param role the name of the role
     * @return {@code false} if no user is authenticated
     */
    default boolean hasRole(String role) {
        return roles().contains(role);
    }

    /**
     * Returns a claim about the authenticated user, such as one of a JSON Web Token.
     *
     * @param name the name of the claim
     * @return its text; {@code null} if no user is authenticated, or the claim is missing
     */
    default @Nullable String claim(String name) {
        return null;
    }

    /**
     * Returns the method of the request.
     *
     * @return the name in upper case; empty if it is unknown
     */
    default String method() {
        return "";
    }

    /**
     * Returns the path of the request.
     *
     * @return the path; {@code null} if it is unknown
     */
    default @Nullable RequestPath path() {
        return null;
    }

    /**
     * Returns a request header.
     *
     * @param name the name of the header, case-insensitive
     * @return the value of its first line, or {@code null}
     */
    default @Nullable String header(String name) {
        return null;
    }

    /**
     * Returns all lines of a request header. A header may be sent several times (RFC 9110, section 5.3).
     *
     * @param name the name of the header, case-insensitive
     * @return its lines in order; empty if there are none
     */
    default List<String> headerLines(String name) {
        return listOf(header(name));
    }

    /**
     * Returns a cookie.
     *
     * @param name the name of the cookie
     * @return its first value, or {@code null}
     */
    default @Nullable String cookie(String name) {
        return null;
    }

    /**
     * Returns all cookies of a name.
     *
     * @param name the name of the cookies
     * @return their values in order; empty if there are none
     */
    default List<String> cookieValues(String name) {
        return listOf(cookie(name));
    }

    /**
     * Returns a parameter of the query, never of the body.
     *
     * @param name the name of the parameter
     * @return its first value, decoded, or {@code null}
     */
    default @Nullable String query(String name) {
        return null;
    }

    /**
     * Returns all values of a parameter of the query, never of the body.
     *
     * @param name the name of the parameter
     * @return its values in order, decoded; empty if there are none
     */
    default List<String> queryValues(String name) {
        return listOf(query(name));
    }

    /**
     * Returns a path variable of the route.
     *
     * @param name the name of the variable
     * @return its value, decoded, or {@code null} if the server has no such variable
     */
    default @Nullable String pathVariable(String name) {
        return null;
    }

    /**
     * Returns the length of the body in bytes. The default is the header {@code Content-Length}, unless the body
     * {@linkplain #isCompressed() is compressed}.
     *
     * @return a number, or {@code null} if it is unknown
     */
    default @Nullable String bodySize() {
        return isCompressed() ? null : header("Content-Length");
    }

    /**
     * Returns whether the length of the body is that of its compressed form. A few bytes may become megabytes. If Jetty
     * decompresses a body, it renames the header.
     *
     * @return {@code true} if the header {@code Content-Encoding} or {@code X-Content-Encoding} is present
     */
    default boolean isCompressed() {
        return header("Content-Encoding") != null || header("X-Content-Encoding") != null;
    }

    /**
     * Returns whether the request has, or may have, a body whose length is unknown. The default is whether it is
     * compressed, or a body without length is announced as in HTTP/1.1; a server of HTTP/2 or HTTP/3, where it is not
     * announced, overrides it.
     *
     * @return {@code false} if {@link #bodySize} knows the length, or if there is no body
     */
    default boolean hasBodyOfUnknownSize() {
        return isCompressed() || bodySize() == null && header("Transfer-Encoding") != null;
    }

    /**
     * Returns the WebSocket connection of a message.
     *
     * @return a text that is unique among the connections of this process, or {@code null} if this is not a message
     */
    default @Nullable String connection() {
        return null;
    }

    /**
     * Returns a value that code of the application finds.
     *
     * @param name the name of the code
     * @return any text, or {@code null} if there is no value
     */
    default @Nullable String custom(String name) {
        return null;
    }

    private static List<String> listOf(@Nullable String value) {
        return value == null ? List.of() : List.of(value);
    }
}
