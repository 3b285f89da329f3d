package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import jakarta.inject.Singleton;
import java.util.List;

/** The first example of the README. */
@Requires(property = "spec", value = "ReadmeTest")
@Controller("/readme")
class Readme {

    record Order(String id) {}

    @Requires(property = "spec", value = "ReadmeTest")
    @Singleton
    static class Repository {

        List<Order> all() {
            return List.of();
        }
    }

    private final Repository repository;

    Readme(Repository repository) {
        this.repository = repository;
    }

    // tag::route[]
    @Get("/orders")
    @RateLimit("100/min")
    List<Order> orders() {
        return repository.all();
    }
    // end::route[]
}
