package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;

// tag::hello[]
@Controller("/hello")
class HelloController {

    @Get(produces = MediaType.TEXT_PLAIN)
    @RateLimit("5/min")
    String hello() {
        return "Hello!";
    }
}
// end::hello[]
