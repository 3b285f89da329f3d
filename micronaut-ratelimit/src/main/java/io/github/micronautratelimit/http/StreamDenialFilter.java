package io.github.micronautratelimit.http;

import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.core.annotation.NonBlocking;
import io.micronaut.core.order.Ordered;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.ResponseFilter;
import io.micronaut.http.annotation.ServerFilter;
import io.micronaut.http.filter.ServerFilterPhase;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;

/**
 * Turns a stream that begins with a denial into the response to a denied request. A route may pass on the publisher of
 * a limited bean, which is denied only when the framework subscribes; the framework would answer 500. The framework,
 * too, sends a response no earlier than the first item of its stream, so the filter delays nothing.
 *
 * <p>Runs inside all other filters, so that they see the response that is sent.
 */
@ServerFilter(value = ServerFilter.MATCH_ALL_PATTERN, appendContextPath = false)
@RequiresRateLimit
final class StreamDenialFilter implements Ordered {

    private static final CompletableFuture<Optional<MutableHttpResponse<?>>> UNCHANGED =
            CompletableFuture.completedFuture(Optional.empty());

    private final RequestExecutor executor;
    private final DenialResponder denials;

    StreamDenialFilter(RequestExecutor executor, DenialResponder denials) {
        this.executor = executor;
        this.denials = denials;
    }

    @ResponseFilter
    @NonBlocking
    CompletionStage<Optional<MutableHttpResponse<?>>> begin(HttpRequest<?> request, MutableHttpResponse<?> response) {
        return response.body() instanceof Publisher<?> items ? begin(request, response, items) : UNCHANGED;
    }

    private <T> CompletionStage<Optional<MutableHttpResponse<?>>> begin(
            HttpRequest<?> request, MutableHttpResponse<?> response, Publisher<T> items) {
        BegunStream<T> stream = new BegunStream<>();
        Runnable remove = executor.onDisconnect(request, stream::cancel);
        stream.ended().thenRun(remove);
        items.subscribe(stream);
        CompletableFuture<Void> begun = stream.begun();
        return begun.isDone()
                ? begun.handle((first, failure) -> responseTo(request, response, stream, failure))
                : begun.handleAsync(
                        (first, failure) -> responseTo(request, response, stream, failure), executor.of(request));
    }

    private Optional<MutableHttpResponse<?>> responseTo(
            HttpRequest<?> request,
            MutableHttpResponse<?> response,
            BegunStream<?> stream,
            @Nullable Throwable failure) {
        if (failure instanceof RateLimitExceededException denial) {
            // On servlet engines, all responses to a request are one object.
            response.body(null);
            return Optional.of(denials.respond(request, denial).toMutableResponse());
        }
        return Optional.of(response.body(stream.items()));
    }

    @Override
    public int getOrder() {
        return ServerFilterPhase.LAST.after();
    }
}
