package io.github.micronautratelimit.examples.quickstart;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;

/**
 * Limited inline: the numbers stand where they act, and count per client address. The policy has a name only so that
 * {@link StandingController} can ask about it; {@code @RateLimit("5/10s")} limits as well.
 */
@Controller("/api/hello")
class HelloController {

    private static final String LIMIT = "5/10s";
    private static final String NAME = "hello";

    static final Policy POLICY = Policy.of(NAME, LIMIT);

    @Get
    @RateLimit(value = LIMIT, policy = NAME)
    Answer hello(HttpRequest<?> request) {
        return Answer.to(request, "Hello!");
    }
}
