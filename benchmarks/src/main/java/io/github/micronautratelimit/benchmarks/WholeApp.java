package io.github.micronautratelimit.benchmarks;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Produces;
import io.micronaut.runtime.Micronaut;
import java.util.Map;

/** The same endpoint without a limit, with a granting limit and with a denying limit; see {@code whole-app.sh}. */
@Controller
@Produces(MediaType.TEXT_PLAIN)
public class WholeApp {

    /**
     * Starts the application on loopback.
     *
     * @param arguments the port and, optionally, the HTTP version; the default is 1.1
     */
    public static void main(String[] arguments) {
        Micronaut.build(arguments)
                .mainClass(WholeApp.class)
                .properties(Map.of(
                        "micronaut.server.host",
                        "127.0.0.1",
                        "micronaut.server.port",
                        arguments[0],
                        "micronaut.server.http-version",
                        arguments.length > 1 ? arguments[1] : "1.1",
                        "ratelimit.backend",
                        "memory"))
                .start();
    }

    @Get("/plain")
    String plain() {
        return "Hello";
    }

    @Get("/limited")
    @RateLimit("1000000000/h")
    String limited() {
        return "Hello";
    }

    @Get("/denied")
    @RateLimit("1/day")
    String denied() {
        return "Hello";
    }
}
