package io.github.micronautratelimit.examples.distributed;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.http.RateLimitAttributes;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Post;

/** Limited by a policy whose numbers and key stand in the configuration. */
@Controller("/orders")
class OrderController {

    /** Takes an order, and tells who let it through: the store, or this instance by itself. */
    @Post(produces = MediaType.TEXT_PLAIN)
    @RateLimit(policy = "orders")
    String order(HttpRequest<?> request) {
        Decision decision = RateLimitAttributes.decisions(request).orElseThrow().each().get(0);
        return decision.source().name();
    }
}
