package io.github.micronautratelimit.management;

import io.micronaut.http.HttpHeaders;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MediaType;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.exceptions.HttpStatusException;
import io.micronaut.management.endpoint.annotation.Endpoint;
import io.micronaut.management.endpoint.annotation.Read;
import io.micronaut.management.endpoint.annotation.Selector;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Serves the live page: the HTML document, its style sheet, scripts and icon, and the event stream that it shows. */
@Endpoint(id = DashboardEndpoint.ID, defaultSensitive = true)
@RequiresDashboard
final class DashboardEndpoint {

    static final String ID = "ratelimit-dashboard";

    private static final String EVENTS = "events";
    private static final Map<String, MediaType> FILES = Map.of(
            "page.css", MediaType.of("text/css;charset=utf-8"),
            "page.js", MediaType.of("text/javascript;charset=utf-8"),
            "chart.js", MediaType.of("text/javascript;charset=utf-8"),
            "icon.svg", MediaType.of("image/svg+xml"));

    /** Allows only files of this page: no inline script or style, and nothing from other servers. */
    private static final String CONTENT_SECURITY_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; "
            + "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private static final Pattern LAST_SEGMENT = Pattern.compile("[\\w.-]*$");

    private final LiveFeed feed;

    DashboardEndpoint(LiveFeed feed) {
        this.feed = feed;
    }

    /** Returns the document. Links to its files are relative to its path, which an operator may change. */
    @Read(produces = MediaType.TEXT_HTML)
    HttpResponse<String> page(HttpRequest<?> request) {
        Matcher segment = LAST_SEGMENT.matcher(request.getPath());
        String base = segment.find() && !segment.group().isEmpty() ? segment.group() : ".";
        return secured(HttpResponse.ok(text("page.html").replace("{base}", base)));
    }

    @Read(produces = MediaType.ALL)
    HttpResponse<?> file(@Selector String file) {
        if (file.equals(EVENTS)) {
            return secured(HttpResponse.ok(feed.events()).contentType(MediaType.TEXT_EVENT_STREAM_TYPE))
                    .header("X-Accel-Buffering", "no");
        }
        MediaType type = FILES.get(file);
        if (type == null) {
            throw new HttpStatusException(HttpStatus.NOT_FOUND, "The live page has no such file.");
        }
        return secured(HttpResponse.ok(text(file)).contentType(type));
    }

    private static <B> MutableHttpResponse<B> secured(MutableHttpResponse<B> response) {
        return response.header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
                .header("X-Content-Type-Options", "nosniff")
                .header("Referrer-Policy", "no-referrer")
                .header(HttpHeaders.CACHE_CONTROL, "no-store");
    }

    private static String text(String resource) {
        try (InputStream in = DashboardEndpoint.class.getResourceAsStream("dashboard/" + resource)) {
            return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
