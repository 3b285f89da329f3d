package io.github.micronautratelimit.examples.distributed;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.http.RateLimitAttributes;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Post;

/** Limited by a policy. Its limits and its key are in the configuration. */
@Controller("/orders")
class OrderController {

    /** Accepts an order. Returns the source of the decision: the store, or this instance during an outage. */
    @Post(produces = MediaType.TEXT_PLAIN)
    @RateLimit(policy = "orders")
    String order(HttpRequest<?> request) {
        Decision decision =
                RateLimitAttributes.decisions(request).orElseThrow().list().get(0);
        return decision.source().name();
    }
}
