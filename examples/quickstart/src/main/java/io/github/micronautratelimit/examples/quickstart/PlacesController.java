package io.github.micronautratelimit.examples.quickstart;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.config.Policies;
import io.github.micronautratelimit.key.Keys;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.ExecuteOn;
import io.micronaut.serde.annotation.Serdeable;

/** Tells how many connections to the chat the caller may still open. */
@Controller("/api/places")
@ExecuteOn(TaskExecutors.BLOCKING)
class PlacesController {

    private final RateLimiter limiter;
    private final Policies policies;
    private final Keys keys;

    PlacesController(RateLimiter limiter, Policies policies, Keys keys) {
        this.limiter = limiter;
        this.policies = policies;
        this.keys = keys;
    }

    @Serdeable
    record Places(long capacity, long left) {
    }

    @Get
    Places places(HttpRequest<?> request) {
        Policy chat = policies.get("chat");
        String address = keys.keyOf(policies.defaultKey(), request);
        return new Places(chat.capacity(), limiter.peek(chat, address, 0).remaining());
    }
}
