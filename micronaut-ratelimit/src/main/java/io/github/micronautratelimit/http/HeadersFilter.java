package io.github.micronautratelimit.http;

import io.github.micronautratelimit.AsyncRateLimiter;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.web.DenialResponses;
import io.github.micronautratelimit.web.RateLimitHeaders;
import io.micronaut.core.annotation.NonBlocking;
import io.micronaut.core.order.Ordered;
import io.micronaut.http.HttpHeaders;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MutableHttpHeaders;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.ResponseFilter;
import io.micronaut.http.annotation.ServerFilter;
import io.micronaut.http.filter.ServerFilterPhase;
import io.micronaut.http.server.HttpServerConfiguration;
import io.micronaut.web.router.RouteAttributes;
import java.time.InstantSource;
import java.util.List;

/**
 * Gives back the permits that the outcome of a request does not cost, and writes the rate limit headers to every
 * response that limits applied to: of a route, an error or a denial. Runs outside all filters that may respond, and
 * outside the CORS filter, so that browsers learn which headers scripts may read.
 */
@ServerFilter(value = ServerFilter.MATCH_ALL_PATTERN, appendContextPath = false)
@RequiresRateLimit
final class HeadersFilter implements Ordered {

    private final AsyncRateLimiter limiter;
    private final RateLimitHeaders headers;
    private final DenialResponses responses;
    private final HeaderWriter writer;
    private final DenialResponder denials;
    private final boolean dateHeader;
    private final HttpDate date = new HttpDate(InstantSource.system());

    HeadersFilter(
            RateLimiter limiter,
            RateLimitHeaders headers,
            DenialResponses responses,
            HeaderWriter writer,
            DenialResponder denials,
            HttpServerConfiguration server) {
        this.limiter = limiter.async();
        this.dateHeader = server.isDateHeader();
        this.headers = headers;
        this.responses = responses;
        this.writer = writer;
        this.denials = denials;
    }

    @ResponseFilter
    @NonBlocking
    MutableHttpResponse<?> write(HttpRequest<?> request, MutableHttpResponse<?> original) {
        RateLimitContext context = RateLimitContext.of(request);
        if (context != null) {
            // A stream goes on, but its publisher is cancelled when the client disconnects.
            context.slots().complete();
            abandonUpgrade(context, request, original);
        }
        MutableHttpResponse<?> response = denials.corrected(request, original);
        if (context != null) {
            context.ended(
                    limiter,
                    statusOf(context, response),
                    RouteAttributes.getException(response).orElse(null));
        }
        Decisions decisions = RateLimitAttributes.decisions(request, response).orElse(null);
        if (decisions == null) {
            return response;
        }
        MutableHttpHeaders responseHeaders = response.getHeaders();
        if (!decisions.allowed() || !isForSharedCaches(responseHeaders)) {
            headers.write(decisions, writer.to(responseHeaders));
        }
        HttpStatus status = response.status();
        if ((status == HttpStatus.TOO_MANY_REQUESTS || status == HttpStatus.SERVICE_UNAVAILABLE)
                && !decisions.allowed()) {
            addMissing(decisions, responseHeaders);
        }
        if (responseHeaders.contains(HttpHeaders.ACCESS_CONTROL_ALLOW_ORIGIN)) {
            responseHeaders.add(HttpHeaders.ACCESS_CONTROL_EXPOSE_HEADERS, headers.exposed());
        }
        return response;
    }

    /** The status of an upgrade is 200 here if the connection opens. */
    private static int statusOf(RateLimitContext context, HttpResponse<?> response) {
        boolean opens = context.limits().upgrade() != null && response.code() == HttpStatus.OK.getCode();
        return opens ? HttpStatus.SWITCHING_PROTOCOLS.getCode() : response.code();
    }

    private static void abandonUpgrade(RateLimitContext context, HttpRequest<?> request, HttpResponse<?> response) {
        UpgradeHandler upgrade = context.limits().upgrade();
        if (upgrade != null && statusOf(context, response) != HttpStatus.SWITCHING_PROTOCOLS.getCode()) {
            upgrade.abandoned(request);
        }
    }

    private static boolean isForSharedCaches(MutableHttpHeaders responseHeaders) {
        List<String> lines = responseHeaders.getAll(HttpHeaders.CACHE_CONTROL);
        return !lines.isEmpty() && RateLimitHeaders.isForSharedCaches(String.join(",", lines));
    }

    /**
     * Adds headers that are missing: those of a denial if the application creates the response itself, and the date,
     * which the framework adds to responses of routes only (RFC 9110, 6.6.1).
     */
    private void addMissing(Decisions decisions, MutableHttpHeaders responseHeaders) {
        if (dateHeader && !responseHeaders.contains(HttpHeaders.DATE)) {
            responseHeaders.set(HttpHeaders.DATE, date.now());
        }
        if (!responseHeaders.contains(HttpHeaders.CACHE_CONTROL)) {
            responseHeaders.set(HttpHeaders.CACHE_CONTROL, DenialResponses.CACHE_CONTROL);
        }
        long seconds = responseHeaders.contains(HttpHeaders.RETRY_AFTER) ? 0 : responses.retryAfter(decisions);
        if (seconds > 0) {
            responseHeaders.set(HttpHeaders.RETRY_AFTER, Long.toString(seconds));
        }
    }

    @Override
    public int getOrder() {
        return ServerFilterPhase.METRICS.before();
    }
}
