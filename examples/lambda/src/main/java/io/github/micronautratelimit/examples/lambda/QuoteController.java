package io.github.micronautratelimit.examples.lambda;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;

/** Five requests an hour for each client, however many instances of the function serve them. */
@Controller("/quote")
class QuoteController {

    @Get(produces = MediaType.TEXT_PLAIN)
    @RateLimit("5/h sliding")
    String quote() {
        return "Patience is a virtue.";
    }
}
