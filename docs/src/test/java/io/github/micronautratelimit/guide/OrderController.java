package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.annotation.NoRateLimit;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.Status;
import java.util.List;

// tag::orders[]
@Controller("/orders")
@RateLimit("1000/h") // shared by all routes of this class
class OrderController {

    @Get
    @RateLimit("3/min") // in addition to the limit of the class
    List<String> orders() {
        return List.of("apples");
    }

    @Post
    @Status(HttpStatus.CREATED)
    @RateLimit(policy = "write") // limits and key from the configuration
    @RateLimit(value = "20/min", key = "{header:X-Tenant}") // several limits: all or nothing
    String create(@Body String order) {
        return order;
    }

    @Get("/{id}")
    @NoRateLimit // no limits
    String order(String id) {
        return "apples";
    }
}
// end::orders[]
