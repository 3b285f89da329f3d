package io.github.micronautratelimit.guide;

import java.util.List;

import io.github.micronautratelimit.annotation.NoRateLimit;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.Status;

// tag::orders[]
@Controller("/orders")
@RateLimit("1000/h")                                              // shared by all routes of this class
class OrderController {

    @Get
    @RateLimit("3/min")                                           // and this one besides
    List<String> orders() {
        return List.of("apples");
    }

    @Post
    @Status(HttpStatus.CREATED)
    @RateLimit(policy = "write")                                  // numbers and key from the configuration
    @RateLimit(value = "20/min", key = "{header:X-Tenant}")       // several at once: all or nothing
    String create(@Body String order) {
        return order;
    }

    @Get("/{id}")
    @NoRateLimit                                                  // exempt
    String order(String id) {
        return "apples";
    }
}
// end::orders[]
