package io.github.micronautratelimit.http;

import io.github.micronautratelimit.AsyncRateLimiter;
import io.micronaut.http.HttpRequest;
import org.jspecify.annotations.Nullable;

/**
 * The charges of a request, as a parameter of the method of its route. Their permits are an estimate until the method,
 * or the stream that it returns, settles them with the real cost:
 *
 * <pre>{@code
 * @Post("/chat")
 * @RateLimit(value = "100000/min", key = "{api-key}", permits = "{body-size} / 4 1..8000")
 * Flux<Event> chat(@Body Prompt prompt, RateLimitCharges charges) {
 *     return model.stream(prompt).doOnNext(event -> event.usage().ifPresent(charges::settle));
 * }
 * }</pre>
 *
 * <p>Permits that are not settled stay charged as estimated, also if the request fails or the client disconnects. Each
 * charge is settled at most once, and not given back by the outcome of the request afterwards. A settlement never fails
 * and never waits: if the store cannot be reached, the estimate stays charged. Safe for use by any number of threads.
 */
public final class RateLimitCharges {

    private final HttpRequest<?> request;
    private final AsyncRateLimiter limiter;

    RateLimitCharges(HttpRequest<?> request, AsyncRateLimiter limiter) {
        this.request = request;
        this.limiter = limiter;
    }

    /**
     * Settles all limits whose cost is not a fixed number, such as a placeholder or an expression.
     *
     * @param actual the permits really used; more than estimated are charged even if they are not free, and then the
     *               next requests are denied until they have come back. A negative number changes nothing
     */
    public void settle(long actual) {
        settleAll(null, actual);
    }

    /**
     * Settles the limits of one policy.
     *
     * @param policy the name of the policy; another name than one of this request changes nothing
     * @param actual the permits really used, as in {@link #settle(long)}
     */
    public void settle(String policy, long actual) {
        settleAll(policy, actual);
    }

    /** Looks for the context only now, because the framework may provide arguments before the filters run. */
    private void settleAll(@Nullable String policy, long actual) {
        RateLimitContext context = RateLimitContext.of(request);
        if (context != null) {
            context.settle(limiter, policy, actual);
        }
    }
}
