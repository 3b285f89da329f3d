package io.github.micronautratelimit.management;

import io.micronaut.http.HttpHeaders;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MediaType;
import io.micronaut.http.exceptions.HttpStatusException;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Rejects requests that a page of another site makes in the browser of an operator, which sends the operator's
 * credentials along. A page of another site can send a form without asking, but not JSON, and it cannot omit or change
 * {@code Origin} and {@code Sec-Fetch-Site}.
 */
final class SameSite {

    private static final String SEC_FETCH_SITE = "Sec-Fetch-Site";
    private static final Set<String> OWN_SITES = Set.of("same-origin", "none");

    private SameSite() {}

    /**
     * Requires a request of a page of this server, or of a program.
     *
     * @throws HttpStatusException with status 415 if the body is not JSON, and 403 if the page is of another site
     */
    static void require(HttpRequest<?> request) {
        if (!request.getContentType().map(SameSite::isJson).orElse(false)) {
            throw new HttpStatusException(
                    HttpStatus.UNSUPPORTED_MEDIA_TYPE,
                    "The body is not JSON; send it with the header \"Content-Type: application/json\".");
        }
        HttpHeaders headers = request.getHeaders();
        String site = headers.get(SEC_FETCH_SITE);
        boolean own = site != null
                ? OWN_SITES.contains(site.toLowerCase(Locale.ROOT))
                : headers.getAll(HttpHeaders.ORIGIN).stream().allMatch(origin -> isOwnOrigin(origin, headers));
        if (!own) {
            throw new HttpStatusException(
                    HttpStatus.FORBIDDEN,
                    "The request comes from a page of another site; send it from a program or from this site.");
        }
    }

    private static boolean isJson(MediaType type) {
        String subtype = type.getSubtype().toLowerCase(Locale.ROOT);
        return type.getType().equalsIgnoreCase("application") && (subtype.equals("json") || subtype.endsWith("+json"));
    }

    /** Compares with the names that the client used. A page cannot set X-Forwarded-Host without asking the server. */
    private static boolean isOwnOrigin(String origin, HttpHeaders headers) {
        int authority = origin.indexOf("://");
        String host = authority < 0 ? "" : withoutDefaultPort(origin.substring(authority + 3));
        return !host.isEmpty()
                && Stream.of(HttpHeaders.HOST, "X-Forwarded-Host")
                        .flatMap(name -> headers.getAll(name).stream())
                        .flatMap(line -> Stream.of(line.split(",")))
                        .anyMatch(own -> withoutDefaultPort(own.strip()).equals(host));
    }

    private static String withoutDefaultPort(String host) {
        return host.toLowerCase(Locale.ROOT).replaceFirst(":(80|443)$", "");
    }
}
