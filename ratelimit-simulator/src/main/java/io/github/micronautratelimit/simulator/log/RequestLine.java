package io.github.micronautratelimit.simulator.log;

import org.jspecify.annotations.Nullable;

/**
 * A request line such as {@code GET /path HTTP/1.1}.
 *
 * @param method the method; {@code -} if the client sent no valid request
 * @param target the target
 */
record RequestLine(String method, String target) {

    private static final RequestLine INVALID = new RequestLine("-", "/");

    /** Reads a request line; other bytes, such as a probe for TLS, count as a request for the root. */
    static RequestLine parse(@Nullable String line) {
        int space = line == null ? -1 : line.indexOf(' ');
        if (line == null || space <= 0) {
            return INVALID;
        }
        int end = line.lastIndexOf(" HTTP/");
        return new RequestLine(line.substring(0, space), line.substring(space + 1, end > space ? end : line.length()));
    }
}
