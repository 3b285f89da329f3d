package io.github.micronautratelimit.http;

import java.nio.charset.StandardCharsets;

import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.github.micronautratelimit.web.DenialAnswers;
import io.micronaut.http.HttpHeaders;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MediaType;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.Produces;
import io.micronaut.http.server.exceptions.ExceptionHandler;
import jakarta.inject.Singleton;

/**
 * Answers a denied request with 429 (RFC 6585), or what {@code ratelimit.status} says, and problem details (RFC 9457), or
 * plain JSON or text if the client wants those. An {@code @Error} method or a replacement of this bean answers in its
 * place. The headers are written to whatever answer it is; see {@link HeadersFilter}.
 */
@Produces
@Singleton
@RequiresRateLimit
public class RateLimitExceededHandler implements ExceptionHandler<RateLimitExceededException, HttpResponse<?>> {

    private final DenialAnswers answers;

    /**
     * Made by the framework.
     *
     * @param answers says what to answer
     */
    public RateLimitExceededHandler(DenialAnswers answers) {
        this.answers = answers;
    }

    @Override
    @SuppressWarnings("rawtypes")
    public HttpResponse<?> handle(HttpRequest request, RateLimitExceededException exception) {
        DenialAnswers.Answer answer =
                answers.answer(exception.decisions(), request.getHeaders().get(HttpHeaders.ACCEPT));
        MutableHttpResponse<byte[]> response = HttpResponse.status(HttpStatus.valueOf(answer.status()));
        if (answer.retryAfter() > 0) {
            response.header(HttpHeaders.RETRY_AFTER, Long.toString(answer.retryAfter()));
        }
        return response.header(HttpHeaders.CACHE_CONTROL, DenialAnswers.CACHE_CONTROL)
                .contentType(MediaType.of(answer.contentType()))
                .body(answer.body().getBytes(StandardCharsets.US_ASCII));
    }
}
