package io.github.micronautratelimit.observability;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;

/**
 * Adds the decision on a request to the server span. Runs inside the filter that creates the span and outside the
 * filters that may deny. A response filter would run too late, after the end of the span.
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
        Publisher<MutableHttpResponse<?>> responses = chain.proceed(request);
        return span.isRecording()
                ? Mono.from(responses).doOnNext(response -> RateLimitAttributes.decisions(request, response)
                        .ifPresent(decisions -> write(decisions, span)))
                : responses;
    }

    /** Adds the decisions that determined the outcome: all if all were allowed, otherwise the denials. */
    private static void write(Decisions decisions, Span span) {
        boolean allowed = decisions.allowed();
        List<String> policies = new ArrayList<>();
        Decision first = null;
        long remaining = Long.MAX_VALUE;
        boolean counted = false;
        for (int i = 0; i < decisions.list().size(); i++) {
            Decision decision = decisions.list().get(i);
            if (allowed || decision instanceof Decision.Denied) {
                first = first == null ? decision : first;
                Policy policy = decisions.requests().get(i).policy();
                policies.add(policy.name());
                if (decision.isCounted(policy)) {
                    counted = true;
                    remaining = Math.min(remaining, decision.remaining());
                }
            }
        }
        if (first != null) {
            span.setAttribute(StoreSpans.POLICIES, policies)
                    .setAttribute(OUTCOME, allowed ? "allowed" : decisions.isUnavailable() ? "unavailable" : "denied")
                    .setAttribute(SOURCE, first.source().name().toLowerCase(Locale.ROOT));
            if (counted) {
                span.setAttribute(REMAINING, remaining);
            }
        }
    }

    @Override
    public int getOrder() {
        return ServerFilterPhase.TRACING.after();
    }
}
