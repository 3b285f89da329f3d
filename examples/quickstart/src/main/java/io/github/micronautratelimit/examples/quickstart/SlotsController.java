package io.github.micronautratelimit.examples.quickstart;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.key.KeyResolution;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.ExecuteOn;
import io.micronaut.serde.annotation.Serdeable;

/** Returns the number of chat connections that the caller may still open. */
@Controller("/api/slots")
@ExecuteOn(TaskExecutors.BLOCKING)
class SlotsController {

    private final RateLimiter limiter;
    private final PolicyRegistry policies;
    private final KeyResolution keys;

    SlotsController(RateLimiter limiter, PolicyRegistry policies, KeyResolution keys) {
        this.limiter = limiter;
        this.policies = policies;
        this.keys = keys;
    }

    @Serdeable
    record Slots(long capacity, long remaining) {}

    @Get
    Slots slots(HttpRequest<?> request) {
        Policy chat = policies.get("chat");
        String address = keys.keyOf(policies.defaultKey(), request);
        return new Slots(chat.capacity(), limiter.peek(chat, address, 0).remaining());
    }
}
