package io.github.micronautratelimit.examples.lambda;

import io.github.micronautratelimit.annotation.RateLimit;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Places up to three orders per hour for each tenant, counted across all instances of the function. */
@Singleton
class OrderService {

    private final List<String> placed = new CopyOnWriteArrayList<>();

    @RateLimit(value = "3/h sliding", key = "#{ tenant }")
    void place(String tenant, String order) {
        placed.add(tenant + ": " + order);
    }

    List<String> placed() {
        return placed;
    }
}
