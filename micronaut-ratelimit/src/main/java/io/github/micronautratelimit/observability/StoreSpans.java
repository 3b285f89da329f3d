package io.github.micronautratelimit.observability;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.observe.StoreListener;
import io.micronaut.context.annotation.Requires;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Locale;

/**
 * Creates a client span for each store call, below the current span of the caller, with the attributes of
 * OpenTelemetry's conventions for databases.
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
    public StoreCall onCall(String store, Operation operation, List<Policy> policies) {
        String name = operation.name().toLowerCase(Locale.ROOT);
        Span span = tracer.spanBuilder("ratelimit " + name)
                .setSpanKind(SpanKind.CLIENT)
                .setAttribute(SYSTEM, store.equals("dynamodb") ? "aws.dynamodb" : store)
                .setAttribute(OPERATION, name)
                .setAttribute(POLICIES, policies.stream().map(Policy::name).toList())
                .startSpan();
        return (outcome, duration, failure) -> {
            if (outcome == Outcome.LATE) {
                span.setStatus(StatusCode.ERROR, "The deadline passed.").setAttribute(ERROR, "timeout");
            } else if (failure != null) {
                span.setStatus(StatusCode.ERROR)
                        .setAttribute(ERROR, failure.getClass().getName());
            }
            span.end();
        };
    }
}
