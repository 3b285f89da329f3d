package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;

@Controller("/token")
class TokenController {

    // tag::limits[]
    @Get
    @RateLimit(value = "60/min", key = "{bearer-token}")
    @RateLimit("600/min") // by client address
    String token() {
        return "ok";
    }
    // end::limits[]
}
