package io.github.micronautratelimit.examples.quickstart;

import java.util.concurrent.atomic.AtomicLong;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.Status;

/** Limited by a policy: its numbers and its key, the caller's API key, stand in application.yml. */
@Controller("/api/orders")
class OrderController {

    private final AtomicLong orders = new AtomicLong();

    @Post
    @Status(HttpStatus.CREATED)
    @RateLimit(policy = "orders")
    Answer order(HttpRequest<?> request) {
        return Answer.to(request, "Order " + orders.incrementAndGet() + " taken.");
    }
}
