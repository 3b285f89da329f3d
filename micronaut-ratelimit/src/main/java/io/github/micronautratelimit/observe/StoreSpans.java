package io.github.micronautratelimit.observe;

import java.util.List;
import java.util.Locale;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.StoreListener;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.micronaut.context.annotation.Requires;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import jakarta.inject.Singleton;

/**
 * A client span for each call to the store, below whatever span its caller is in, with the attributes that OpenTelemetry's
 * conventions have for databases.
 */
@Singleton
@RequiresRateLimit
@Requires(classes = OpenTelemetry.class, beans = OpenTelemetry.class)
final class StoreSpans implements StoreListener {

    static final AttributeKey<List<String>> POLICIES = AttributeKey.stringArrayKey("ratelimit.policies");

    private static final AttributeKey<String> SYSTEM = AttributeKey.stringKey("db.system.name");
    private static final AttributeKey<String> OPERATION = AttributeKey.stringKey("db.operation.name");
    private static final AttributeKey<String> ERROR = AttributeKey.stringKey("error.type");

    private final Tracer tracer;

    StoreSpans(OpenTelemetry telemetry) {
        this.tracer = telemetry.getTracer("io.github.micronautratelimit");
    }

    @Override
    public Call onCall(String store, Operation operation, List<Policy> policies) {
        String name = operation.name().toLowerCase(Locale.ROOT);
        Span span = tracer.spanBuilder("ratelimit " + name).setSpanKind(SpanKind.CLIENT)
                .setAttribute(SYSTEM, store.equals("dynamodb") ? "aws.dynamodb" : store)
                .setAttribute(OPERATION, name)
                .setAttribute(POLICIES, policies.stream().map(Policy::name).toList())
                .startSpan();
        return (outcome, duration, failure) -> {
            if (outcome == Outcome.LATE) {
                span.setStatus(StatusCode.ERROR, "The deadline has passed.").setAttribute(ERROR, "timeout");
            } else if (failure != null) {
                span.setStatus(StatusCode.ERROR).setAttribute(ERROR, failure.getClass().getName());
            }
            span.end();
        };
    }
}
