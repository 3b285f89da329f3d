package io.github.micronautratelimit.http;

import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.github.micronautratelimit.intercept.LimitedRequest;
import io.github.micronautratelimit.web.DenialAnswers;
import io.github.micronautratelimit.web.RateLimitHeaders;
import io.github.micronautratelimit.websocket.Upgrades;
import io.micronaut.core.annotation.NonBlocking;
import io.micronaut.core.order.Ordered;
import io.micronaut.http.HttpHeaders;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MutableHttpHeaders;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.ResponseFilter;
import io.micronaut.http.annotation.ServerFilter;
import io.micronaut.http.filter.ServerFilterPhase;

/**
 * Tells clients how they stand, in the headers of every answer that limits applied to: of a route, of an error, of a
 * denial by whomever it is answered. Stands outside all filters that may answer, and outside the one for CORS, so that
 * browsers are told which headers scripts may read.
 */
@ServerFilter(ServerFilter.MATCH_ALL_PATTERN)
@RequiresRateLimit
final class HeadersFilter implements Ordered {

    private final RateLimitHeaders headers;
    private final DenialAnswers answers;
    private final HeaderWriter writer;
    private final Upgrades upgrades;

    HeadersFilter(RateLimitHeaders headers, DenialAnswers answers, HeaderWriter writer, Upgrades upgrades) {
        this.headers = headers;
        this.answers = answers;
        this.writer = writer;
        this.upgrades = upgrades;
    }

    @ResponseFilter
    @NonBlocking
    void write(HttpRequest<?> request, MutableHttpResponse<?> response) {
        LimitedRequest limited = LimitedRequest.of(request);
        if (limited != null && limited.isUpgrade() && response.code() != HttpStatus.OK.getCode()) {
            upgrades.abandoned(request);
        }
        Decisions decisions = RateLimitAttributes.decisions(request, response).orElse(null);
        if (decisions == null) {
            return;
        }
        MutableHttpHeaders written = response.getHeaders();
        headers.write(decisions, writer.to(written));
        HttpStatus status = response.status();
        if ((status == HttpStatus.TOO_MANY_REQUESTS || status == HttpStatus.SERVICE_UNAVAILABLE)
                && !decisions.allowed()) {
            tellWhen(decisions, written);
        }
        if (written.contains(HttpHeaders.ACCESS_CONTROL_ALLOW_ORIGIN)) {
            written.add(HttpHeaders.ACCESS_CONTROL_EXPOSE_HEADERS, headers.exposed());
        }
    }

    /** What an application that answers denials itself has not said. */
    private void tellWhen(Decisions decisions, MutableHttpHeaders written) {
        if (!written.contains(HttpHeaders.CACHE_CONTROL)) {
            written.set(HttpHeaders.CACHE_CONTROL, DenialAnswers.CACHE_CONTROL);
        }
        long seconds = written.contains(HttpHeaders.RETRY_AFTER) ? 0 : answers.retryAfter(decisions);
        if (seconds > 0) {
            written.set(HttpHeaders.RETRY_AFTER, Long.toString(seconds));
        }
    }

    @Override
    public int getOrder() {
        return ServerFilterPhase.METRICS.before();
    }
}
