package io.github.micronautratelimit.web;

import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.web.KeyTemplate.Part;
import io.github.micronautratelimit.web.KeyTemplate.Source;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Creates keys from templates and requests. Safe for use by any number of threads.
 *
 * <p>The key of a template with one placeholder is the placeholder and its value, such as <code>{ip}192.0.2.1</code>.
 * Only the name of a user and a text without a placeholder have no mark, so {@code {principal}} and code that uses
 * {@code "alice"} mean the same key. Values of different placeholders therefore never share a counter of a policy: a
 * header cannot imitate an address, nor the name of a user. An address that replaces a missing value has another mark,
 * a name that starts like a mark has one of its own, and several parts are written with their lengths.
 */
public final class RequestKeys {

    /** The key that all clients share. */
    public static final String GLOBAL = "";

    private static final Logger LOG = LoggerFactory.getLogger(RequestKeys.class);

    /** Starts a name that starts like a mark, and a key of several parts. */
    private static final char ESCAPED = '=';

    private static final char REPLACED = '@';
    private static final char OPEN = '{';
    private static final char CLOSE = '}';
    private static final String MARKS = "=@{";
    private static final String BEARER = "Bearer";

    private final Set<Part> failed = ConcurrentHashMap.newKeySet();

    /** Creates keys. */
    public RequestKeys() {}

    /**
     * Creates the key of a request.
     *
     * @param template the template
     * @param request  the request
     * @return the key
     */
    public String keyOf(KeyTemplate template, WebRequest request) {
        if (template.parts().size() == 1) {
            Part part = template.parts().get(0);
            if (part.source() == Source.GLOBAL) {
                return GLOBAL;
            }
            String value = find(part, request);
            return value == null ? addressKey(request.address()) : key(part, value);
        }
        StringBuilder key = new StringBuilder();
        key.append(ESCAPED).append(template.parts().size());
        for (Part part : template.parts()) {
            String value = part.source() == Source.GLOBAL ? GLOBAL : find(part, request);
            String text = value == null ? request.address() : value;
            (value == null ? key.append(REPLACED) : key.append(part.mark()))
                    .append(text.length())
                    .append(':')
                    .append(text);
        }
        return key.toString();
    }

    private static String key(Part part, String value) {
        return switch (part.source()) {
            case PRINCIPAL, PRINCIPAL_OR_IP, TEXT -> textKey(value);
            default -> part.mark() + value;
        };
    }

    /**
     * Returns the key of a value that an expression of the application has computed. Code of the application names the
     * same key by the value.
     *
     * @param found the value that identifies the caller
     * @return the value, with a mark if it starts like a mark
     */
    public static String key(String found) {
        return textKey(found);
    }

    /**
     * Returns the key of a text that the application has written, or of the name of a user.
     *
     * @param text the text
     * @return the text, with a mark if it starts like a mark
     */
    public static String textKey(String text) {
        return !text.isEmpty() && MARKS.indexOf(text.charAt(0)) >= 0 ? ESCAPED + text : text;
    }

    /**
     * Returns the key of an address that replaces a missing value.
     *
     * @param address the address of the client
     * @return the address with a mark
     */
    public static String addressKey(String address) {
        return REPLACED + address;
    }

    /**
     * Returns the value in a key, as it is written in the configuration for keys with limits of their own.
     *
     * @param key a key of this class
     * @return the value of the only placeholder, without its mark; the key itself if it has several or an address
     *         replaces the value
     */
    public static String value(String key) {
        return key.isEmpty() || key.charAt(0) != OPEN ? key : key.substring(key.indexOf(CLOSE) + 1);
    }

    /** Returns the value of a part. Neither input of a client nor code of the application may fail the request. */
    @Nullable
    String find(Part part, WebRequest request) {
        try {
            String found = read(part, request);
            return found == null || found.isEmpty() ? null : found;
        } catch (RuntimeException e) {
            logFailure(part, e);
            return null;
        }
    }

    /**
     * Returns all values of a part, because an application may read another one than the first.
     *
     * @return the values in order; {@code null} if they cannot be read
     */
    @Nullable
    List<String> findAll(Part part, WebRequest request) {
        try {
            return switch (part.source()) {
                case API_KEY, HEADER -> request.headerLines(part.headerName());
                case COOKIE -> request.cookieValues(part.name());
                case QUERY -> request.queryValues(part.name());
                default -> {
                    String found = read(part, request);
                    yield found == null ? List.of() : List.of(found);
                }
            };
        } catch (RuntimeException e) {
            logFailure(part, e);
            return null;
        }
    }

    private void logFailure(Part part, RuntimeException failure) {
        if (failed.add(part)) {
            LOG.warn(
                    "Could not read {} \"{}\" of a rate limit. The address of the client is the key instead, and a "
                            + "request costs the upper bound. Further failures are not logged.",
                    part.source(),
                    part.name(),
                    failure);
        }
    }

    private static @Nullable String read(Part part, WebRequest request) {
        return switch (part.source()) {
            case TEXT -> part.name();
            case GLOBAL -> GLOBAL;
            case IP -> part.name().isEmpty()
                    ? request.address()
                    : Addresses.grouped(request.address(), Integer.parseInt(part.name()));
            case PRINCIPAL, PRINCIPAL_OR_IP -> request.userName();
            case ROLE -> String.join(",", new TreeSet<>(request.roles()));
            case CLAIM -> request.claim(part.name());
            case API_KEY, HEADER -> token(header(part.headerName(), request));
            case BEARER_TOKEN -> bearerToken(request);
            case BODY_SIZE -> request.bodySize();
            case CONNECTION -> request.connection();
            case COOKIE -> token(cookie(part.name(), request));
            case QUERY -> token(query(part.name(), request));
            case PATH -> request.pathVariable(part.name());
            case BEAN -> request.custom(part.name());
        };
    }

    private static @Nullable String header(String name, WebRequest request) {
        String first = request.header(name);
        return isUsable(first) ? first : firstUsable(request.headerLines(name));
    }

    private static @Nullable String cookie(String name, WebRequest request) {
        String first = request.cookie(name);
        return isUsable(first) ? first : firstUsable(request.cookieValues(name));
    }

    private static @Nullable String query(String name, WebRequest request) {
        String first = request.query(name);
        return isUsable(first) ? first : firstUsable(request.queryValues(name));
    }

    /** An empty value before the value must not change the key. A missing value has no further values. */
    private static boolean isUsable(@Nullable String first) {
        return first == null || !first.isEmpty();
    }

    private static @Nullable String firstUsable(List<String> values) {
        return values.stream().filter(value -> !value.isEmpty()).findFirst().orElse(null);
    }

    private static @Nullable String token(@Nullable String value) {
        return value == null ? null : CompactToken.canonical(value);
    }

    private static @Nullable String bearerToken(WebRequest request) {
        String token = bearerToken(request.header("Authorization"));
        if (token != null) {
            return token;
        }
        for (String line : request.headerLines("Authorization")) {
            token = bearerToken(line);
            if (token != null) {
                return token;
            }
        }
        return null;
    }

    private static @Nullable String bearerToken(@Nullable String authorization) {
        String line = authorization == null ? "" : authorization.strip();
        int length = BEARER.length();
        if (line.length() <= length
                || !line.regionMatches(true, 0, BEARER, 0, length)
                || !Character.isWhitespace(line.charAt(length))) {
            return null;
        }
        return KeyHash.of(CompactToken.canonical(line.substring(length).strip()));
    }
}
