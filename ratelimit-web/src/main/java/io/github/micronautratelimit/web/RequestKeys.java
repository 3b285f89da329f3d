package io.github.micronautratelimit.web;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.web.KeyTemplate.Part;
import io.github.micronautratelimit.web.KeyTemplate.Source;

/**
 * Fills key templates in from requests.
 *
 * <p>A template of one part gives the text it stands for, so that {@code {principal}} and code that asks for
 * {@code "alice"} mean the same key. Yet no two requests that differ in what a template names get the same key: an address
 * in place of something missing is marked, a text that reads as if it were is marked otherwise, and several parts are
 * written with their lengths. Safe for use by any number of threads.
 */
public final class RequestKeys {

    /** The key of everybody. */
    public static final String EVERYBODY = "";

    private static final Logger LOG = LoggerFactory.getLogger(RequestKeys.class);

    private static final char FOUND = '=';
    private static final char REPLACED = '@';
    private static final String BEARER = "Bearer ";

    private final Set<Part> failed = ConcurrentHashMap.newKeySet();

    /** Keys of requests. */
    public RequestKeys() {
    }

    /**
     * Fills a template in.
     *
     * @param template the template
     * @param request  the request
     * @return the key
     */
    public String keyOf(KeyTemplate template, WebRequest request) {
        if (template.parts().size() == 1) {
            Part part = template.parts().get(0);
            if (part.source() == Source.GLOBAL) {
                return EVERYBODY;
            }
            String value = find(part, request);
            return value == null ? addressKey(request.address()) : key(value);
        }
        StringBuilder key = new StringBuilder();
        for (Part part : template.parts()) {
            String value = part.source() == Source.GLOBAL ? EVERYBODY : find(part, request);
            String text = value == null ? request.address() : value;
            key.append(value == null ? REPLACED : FOUND).append(text.length()).append(':').append(text);
        }
        return key.toString();
    }

    /**
     * A text as a key.
     *
     * @param found what says who is limited
     * @return the text; marked if it begins with a mark itself
     */
    public static String key(String found) {
        return !found.isEmpty() && (found.charAt(0) == REPLACED || found.charAt(0) == FOUND) ? FOUND + found : found;
    }

    /**
     * A client's address as a key, in place of one that could not be found.
     *
     * @param address the address
     * @return the key
     */
    public static String addressKey(String address) {
        return REPLACED + address;
    }

    /** What a part stands for. Nothing a client sends, and nothing a user's own code throws, may fail the request. */
    @Nullable String find(Part part, WebRequest request) {
        try {
            String found = read(part, request);
            return found == null || found.isEmpty() ? null : found;
        } catch (RuntimeException e) {
            if (failed.add(part)) {
                LOG.warn("{} \"{}\" of a rate limit key could not be read; the client's address stands in. "
                        + "Further failures of it are not logged.", part.source(), part.name(), e);
            }
            return null;
        }
    }

    private static @Nullable String read(Part part, WebRequest request) {
        return switch (part.source()) {
            case TEXT -> part.name();
            case GLOBAL -> EVERYBODY;
            case IP -> request.address();
            case PRINCIPAL, PRINCIPAL_OR_IP -> request.userName();
            case API_KEY -> request.header("X-API-Key");
            case BEARER_TOKEN -> token(request.header("Authorization"));
            case BODY_SIZE -> request.bodySize();
            case CONNECTION -> request.connection();
            case HEADER -> request.header(part.name());
            case COOKIE -> request.cookie(part.name());
            case QUERY -> request.query(part.name());
            case PATH -> request.pathVariable(part.name());
            case BEAN -> request.custom(part.name());
        };
    }

    private static @Nullable String token(@Nullable String authorization) {
        if (authorization == null || !authorization.regionMatches(true, 0, BEARER, 0, BEARER.length())) {
            return null;
        }
        String token = authorization.substring(BEARER.length()).strip();
        return token.isEmpty() ? null : KeyHash.of(token);
    }
}
