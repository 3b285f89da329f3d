package io.github.micronautratelimit.examples.quickstart;

import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.key.KeyResolution;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.github.micronautratelimit.web.KeyTemplate;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.QueryValue;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.ExecuteOn;
import java.util.Map;
import java.util.Objects;

/**
 * Returns the state of a caller at the three endpoints. The page calls it a few times a second, which costs no permits.
 */
@Controller("/api/status")
@ExecuteOn(TaskExecutors.BLOCKING)
class StatusController {

    private final RateLimiter limiter;
    private final PolicyRegistry policies;
    private final KeyResolution keys;

    StatusController(RateLimiter limiter, PolicyRegistry policies, KeyResolution keys) {
        this.limiter = limiter;
        this.policies = policies;
        this.keys = keys;
    }

    @Get
    Map<String, PolicyStatus> status(HttpRequest<?> request, @QueryValue String to) {
        KeyTemplate address = policies.defaultKey();
        KeyTemplate apiKey = Objects.requireNonNullElse(policies.keyOf("orders"), address);
        return Map.of(
                "hello", PolicyStatus.of(limiter, HelloController.POLICY, keys.keyOf(address, request)),
                "orders", PolicyStatus.of(limiter, policies.get("orders"), keys.keyOf(apiKey, request)),
                "mails", PolicyStatus.of(limiter, MailService.POLICY, to));
    }
}
