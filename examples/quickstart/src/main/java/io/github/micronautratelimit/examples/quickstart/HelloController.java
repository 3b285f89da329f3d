package io.github.micronautratelimit.examples.quickstart;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;

/**
 * Limited inline per client address. {@code @RateLimit("5/10s")} would be enough; the policy has a name so that
 * {@link StatusController} can read its state.
 */
@Controller("/api/hello")
class HelloController {

    private static final String LIMIT = "5/10s";
    private static final String NAME = "hello";

    static final Policy POLICY = Policy.of(NAME, LIMIT);

    @Get
    @RateLimit(value = LIMIT, policy = NAME)
    ApiResponse hello(HttpRequest<?> request) {
        return ApiResponse.of(request, "Hello!");
    }
}
