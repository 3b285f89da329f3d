package io.github.micronautratelimit.http;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.micronaut.http.HttpHeaders;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.Produces;
import io.micronaut.http.server.exceptions.ExceptionHandler;
import io.micronaut.http.server.exceptions.response.ErrorContext;
import io.micronaut.http.server.exceptions.response.ErrorResponseProcessor;
import jakarta.inject.Singleton;

/**
 * Answers a denied request with 429 (RFC 6585) and, if the request can pass later, the whole seconds until then in
 * Retry-After (RFC 9110), rounded up. An {@code @Error} method or a replacement of this bean answers in its place.
 */
@Produces
@Singleton
@RequiresRateLimit
public class RateLimitExceededHandler implements ExceptionHandler<RateLimitExceededException, HttpResponse<?>> {

    private static final long MICROS_PER_SECOND = 1_000_000;

    private final ErrorResponseProcessor<?> responses;

    /**
     * Made by the framework.
     *
     * @param responses writes the body
     */
    public RateLimitExceededHandler(ErrorResponseProcessor<?> responses) {
        this.responses = responses;
    }

    @Override
    @SuppressWarnings("rawtypes")
    public HttpResponse<?> handle(HttpRequest request, RateLimitExceededException exception) {
        MutableHttpResponse<?> response = HttpResponse.status(HttpStatus.TOO_MANY_REQUESTS)
                .header(HttpHeaders.CACHE_CONTROL, "no-store");
        long micros = exception.decisions().retryAfterMicros();
        String message = "Rate limit exceeded.";
        if (micros == Decision.NEVER) {
            message = "Rate limit exceeded: this request costs more than is ever granted.";
        } else {
            long seconds = Math.max(1, (micros + MICROS_PER_SECOND - 1) / MICROS_PER_SECOND);
            response.header(HttpHeaders.RETRY_AFTER, Long.toString(seconds));
            message = "Rate limit exceeded. Try again in " + seconds + (seconds == 1 ? " second." : " seconds.");
        }
        return responses.processResponse(
                ErrorContext.builder(request).cause(exception).errorMessage(message).build(), response);
    }
}
