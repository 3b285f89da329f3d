package io.github.micronautratelimit.observe;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

import org.reactivestreams.Publisher;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.github.micronautratelimit.http.RateLimitAttributes;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.Filter;
import io.micronaut.http.filter.HttpServerFilter;
import io.micronaut.http.filter.ServerFilterChain;
import io.micronaut.http.filter.ServerFilterPhase;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import reactor.core.publisher.Mono;

/**
 * Writes what was decided on a request into the server's span. Stands inside the filter that makes the span, and outside
 * those that may deny. Response filters would be too late: they run when the span has ended.
 */
@Filter(Filter.MATCH_ALL_PATTERN)
@RequiresRateLimit
@Requires(classes = OpenTelemetry.class, beans = OpenTelemetry.class)
final class ServerSpan implements HttpServerFilter {

    private static final AttributeKey<String> OUTCOME = AttributeKey.stringKey("ratelimit.outcome");
    private static final AttributeKey<String> SOURCE = AttributeKey.stringKey("ratelimit.source");
    private static final AttributeKey<Long> REMAINING = AttributeKey.longKey("ratelimit.remaining");

    @Override
    public Publisher<MutableHttpResponse<?>> doFilter(HttpRequest<?> request, ServerFilterChain chain) {
        Span span = Span.current();
        Publisher<MutableHttpResponse<?>> answer = chain.proceed(request);
        return span.isRecording() ? Mono.from(answer).doOnNext(response ->
                RateLimitAttributes.decisions(request, response).ifPresent(decisions -> write(decisions, span))) : answer;
    }

    /** Of several decisions, those that settled it. */
    private static void write(Decisions decisions, Span span) {
        boolean allowed = decisions.allowed();
        List<String> policies = new ArrayList<>();
        Decision first = null;
        long remaining = Long.MAX_VALUE;
        for (int i = 0; i < decisions.each().size(); i++) {
            Decision decision = decisions.each().get(i);
            if (decision.allowed() == allowed) {
                first = first == null ? decision : first;
                policies.add(decisions.asks().get(i).policy().name());
                remaining = Math.min(remaining, decision.remaining());
            }
        }
        if (first != null) {
            span.setAttribute(StoreSpans.POLICIES, policies)
                    .setAttribute(OUTCOME, allowed ? "allowed" : "denied")
                    .setAttribute(SOURCE, first.source().name().toLowerCase(Locale.ROOT))
                    .setAttribute(REMAINING, remaining);
        }
    }

    @Override
    public int getOrder() {
        return ServerFilterPhase.TRACING.after();
    }
}
