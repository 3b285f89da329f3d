package io.github.micronautratelimit.management;

import io.github.micronautratelimit.http.DescribedRequest;
import io.github.micronautratelimit.key.KeyResolution;
import io.github.micronautratelimit.web.ClientAddress;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.security.Principal;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Reads the request that an operator has described in a request body. */
final class RequestQuery {

    private static final String PRINCIPAL = "principal";
    private static final List<String> FIELDS =
            List.of("address", "claims", "headers", "method", "path", PRINCIPAL, "roles");
    private static final Pattern TOKEN = Pattern.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+");

    private RequestQuery() {}

    /**
     * Reads a body.
     *
     * @throws IllegalArgumentException if a field is unknown, missing or invalid; the message says what to write
     */
    static DescribedRequest of(Map<String, Object> body, KeyResolution users, ClientAddress addresses) {
        TreeSet<String> unknown = new TreeSet<>(body.keySet());
        FIELDS.forEach(unknown::remove);
        if (!unknown.isEmpty()) {
            throw new IllegalArgumentException(
                    "Unknown field \"" + unknown.first() + "\" beside \"path\"; the fields are " + FIELDS + ".");
        }
        String method = KeyQuery.text(body, "method");
        return new DescribedRequest(
                method == null ? "GET" : token(method, "method"),
                uri(KeyQuery.text(body, "path")),
                headers(body.get("headers")),
                peer(KeyQuery.text(body, "address"), addresses),
                user(body, users));
    }

    private static String uri(@Nullable String path) {
        if (path == null || !path.startsWith("/") || path.startsWith("//")) {
            throw new IllegalArgumentException("\"path\" does not begin with one slash; write the path and the query of"
                    + " the request, such as \"/api/orders?page=2\".");
        }
        try {
            return new URI(path).toString();
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException(
                    "\"path\" is invalid at character " + (e.getIndex() + 1)
                            + "; encode other characters than letters and digits as in a URL, such as \"%20\".",
                    e);
        }
    }

    private static String token(String text, String field) {
        if (!TOKEN.matcher(text).matches()) {
            throw new IllegalArgumentException(
                    "\"" + field + "\" has a name that HTTP does not allow; write one like \"GET\" or \"X-User\".");
        }
        return text;
    }

    private static Map<String, List<String>> headers(@Nullable Object written) {
        Map<String, List<String>> headers = new LinkedHashMap<>();
        object(written, "headers").forEach((name, lines) -> {
            List<String> texts = texts(lines, "headers");
            if (texts.stream().anyMatch(text -> text.chars().anyMatch(c -> c == '\r' || c == '\n' || c == 0))) {
                throw new IllegalArgumentException(
                        "\"headers\" contains a line break; write a list for several lines of one header.");
            }
            headers.put(token(name, "headers"), texts);
        });
        return headers;
    }

    private static @Nullable InetSocketAddress peer(@Nullable String address, ClientAddress addresses) {
        if (address == null) {
            return null;
        }
        try {
            if (addresses.spelled(address) != null && address.indexOf('/') < 0) {
                // The text is an address, so that no name is looked up.
                return new InetSocketAddress(InetAddress.getByName(address), 0);
            }
        } catch (UnknownHostException e) {
            // The address has a spelling that only the limiter knows.
        }
        throw new IllegalArgumentException(
                "\"address\" is invalid; write one like \"203.0.113.7\" or \"2001:db8::7\", without a port.");
    }

    private static @Nullable Principal user(Map<String, Object> body, KeyResolution users) {
        String name = KeyQuery.text(body, PRINCIPAL);
        List<String> roles = body.get("roles") == null ? List.of() : texts(body.get("roles"), "roles");
        Map<String, Object> claims = object(body.get("claims"), "claims");
        if (name == null && !(roles.isEmpty() && claims.isEmpty())) {
            throw new IllegalArgumentException(
                    "\"principal\" is missing; write the name of the user who has the roles and claims.");
        }
        return name == null ? null : users.user(name, roles, claims);
    }

    private static List<String> texts(@Nullable Object written, String field) {
        Collection<?> values = written instanceof Collection<?> several
                ? several
                : List.of(Objects.requireNonNullElse(written, List.of()));
        if (values.stream().anyMatch(value -> !(value instanceof String || value instanceof Number))) {
            throw new IllegalArgumentException(
                    "\"" + field + "\" has a value that is not a string; write a string, or a" + " list of strings.");
        }
        return values.stream().map(String::valueOf).toList();
    }

    private static Map<String, Object> object(@Nullable Object written, String field) {
        if (written != null && !(written instanceof Map<?, ?>)) {
            throw new IllegalArgumentException(
                    "\"" + field + "\" is not an object; write one like {\"X-User\": \"ann\"}.");
        }
        Map<String, Object> object = new LinkedHashMap<>();
        if (written instanceof Map<?, ?> members) {
            members.forEach((name, value) -> {
                if (value == null) {
                    throw new IllegalArgumentException("\"" + field + "\" contains null; omit \"" + name + "\".");
                }
                object.put(String.valueOf(name), value);
            });
        }
        return object;
    }
}
