package io.github.micronautratelimit.examples.quickstart;

import java.util.Map;
import java.util.Objects;

import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.config.Policies;
import io.github.micronautratelimit.key.Keys;
import io.github.micronautratelimit.web.KeyTemplate;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.QueryValue;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.ExecuteOn;

/** Tells how a caller stands at the three endpoints. The page asks a few times a second; asking costs no permits. */
@Controller("/api/standings")
@ExecuteOn(TaskExecutors.BLOCKING)
class StandingController {

    private final RateLimiter limiter;
    private final Policies policies;
    private final Keys keys;

    StandingController(RateLimiter limiter, Policies policies, Keys keys) {
        this.limiter = limiter;
        this.policies = policies;
        this.keys = keys;
    }

    @Get
    Map<String, Standing> standings(HttpRequest<?> request, @QueryValue String to) {
        KeyTemplate address = policies.defaultKey();
        KeyTemplate apiKey = Objects.requireNonNullElse(policies.keyOf("orders"), address);
        return Map.of(
                "hello", Standing.of(limiter, HelloController.POLICY, keys.keyOf(address, request)),
                "orders", Standing.of(limiter, policies.get("orders"), keys.keyOf(apiKey, request)),
                "mails", Standing.of(limiter, MailService.POLICY, to));
    }
}
