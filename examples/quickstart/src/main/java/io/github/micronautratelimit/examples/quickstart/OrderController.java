package io.github.micronautratelimit.examples.quickstart;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.Status;
import java.util.concurrent.atomic.AtomicLong;

/** Limited by a policy. Its limits and its key, the API key of the caller, are in application.yml. */
@Controller("/api/orders")
class OrderController {

    private final AtomicLong orders = new AtomicLong();

    @Post
    @Status(HttpStatus.CREATED)
    @RateLimit(policy = "orders")
    ApiResponse order(HttpRequest<?> request) {
        return ApiResponse.of(request, "Order " + orders.incrementAndGet() + " accepted.");
    }
}
