package io.github.micronautratelimit.examples.lambda;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;

/** Allows five requests per hour for each client, counted across all instances of the function. */
@Controller("/quote")
class QuoteController {

    @Get(produces = MediaType.TEXT_PLAIN)
    @RateLimit("5/h sliding")
    String quote() {
        return "Patience is a virtue.";
    }
}
