package io.github.micronautratelimit.http;

import java.io.IOException;
import java.io.OutputStream;
import java.io.Writer;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.github.micronautratelimit.intercept.RequestExecutor;
import io.github.micronautratelimit.web.DenialAnswers;
import io.micronaut.core.io.Writable;
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
    private final RequestExecutor executor;

    /**
     * Made by the framework.
     *
     * @param answers  says what to answer
     * @param executor knows servers by their threads
     */
    public RateLimitExceededHandler(DenialAnswers answers, RequestExecutor executor) {
        this.answers = answers;
        this.executor = executor;
    }

    @Override
    @SuppressWarnings({"rawtypes", "unchecked"})
    public HttpResponse<?> handle(HttpRequest request, RateLimitExceededException exception) {
        DenialAnswers.Answer answer =
                answers.answer(exception.decisions(), request.getHeaders().get(HttpHeaders.ACCEPT));
        MutableHttpResponse<Object> response = HttpResponse.status(HttpStatus.valueOf(answer.status()));
        if (answer.retryAfter() > 0) {
            response.header(HttpHeaders.RETRY_AFTER, Long.toString(answer.retryAfter()));
        }
        return response.header(HttpHeaders.CACHE_CONTROL, DenialAnswers.CACHE_CONTROL)
                .contentType(MediaType.of(answer.contentType()))
                .body(body(request, answer.body().getBytes(StandardCharsets.US_ASCII)));
    }

    /**
     * Bytes, which a server with event loops writes at once. A servlet container's writer is that of the type the route
     * would have returned, and fails with another, but for a {@link Writable}.
     */
    private Object body(HttpRequest<?> request, byte[] text) {
        return executor.keepsThread(request) ? text : new Body(text);
    }

    private record Body(byte[] text) implements Writable {

        @Override
        public void writeTo(Writer out) throws IOException {
            out.write(new String(text, StandardCharsets.US_ASCII));
        }

        @Override
        public void writeTo(OutputStream out, @Nullable Charset charset) throws IOException {
            out.write(text);
        }
    }
}
