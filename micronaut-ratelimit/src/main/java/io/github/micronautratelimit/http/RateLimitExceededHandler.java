package io.github.micronautratelimit.http;

import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.web.DenialResponses;
import io.micronaut.context.annotation.Secondary;
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
import java.io.IOException;
import java.io.OutputStream;
import java.io.Writer;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Creates the response to a denied request: status 429 (RFC 6585) or {@code ratelimit.status}, with problem details
 * (RFC 9457), or with plain JSON or text if the client prefers it. To create another response, write an
 * {@code ExceptionHandler} or an {@code @Error} method for {@link RateLimitExceededException}. {@link HeadersFilter}
 * adds the headers in any case.
 */
@Produces
@Singleton
@Secondary
@RequiresRateLimit
public class RateLimitExceededHandler implements ExceptionHandler<RateLimitExceededException, HttpResponse<?>> {

    private final DenialResponses responses;
    private final RequestExecutor executor;

    /**
     * Created by the framework.
     *
     * @param responses creates status, headers and body
     * @param executor  detects servers with event loops
     */
    public RateLimitExceededHandler(DenialResponses responses, RequestExecutor executor) {
        this.responses = responses;
        this.executor = executor;
    }

    @Override
    @SuppressWarnings({"rawtypes", "unchecked"})
    public HttpResponse<?> handle(HttpRequest request, RateLimitExceededException exception) {
        DenialResponses.Answer answer = responses.answer(exception.decisions(), accept(request.getHeaders()));
        MutableHttpResponse<Object> response = HttpResponse.status(HttpStatus.valueOf(answer.status()));
        if (answer.retryAfter() > 0) {
            response.header(HttpHeaders.RETRY_AFTER, Long.toString(answer.retryAfter()));
        }
        return response.header(HttpHeaders.CACHE_CONTROL, DenialResponses.CACHE_CONTROL)
                .contentType(MediaType.of(answer.contentType()))
                .body(body(request, answer.body().getBytes(StandardCharsets.US_ASCII)));
    }

    private static @Nullable String accept(HttpHeaders headers) {
        return headers.contains(HttpHeaders.ACCEPT) ? String.join(",", headers.getAll(HttpHeaders.ACCEPT)) : null;
    }

    /**
     * Returns bytes for servers with event loops, which write them at once. A servlet container uses the writer for the
     * return type of the route, which accepts only that type and {@link Writable}.
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
