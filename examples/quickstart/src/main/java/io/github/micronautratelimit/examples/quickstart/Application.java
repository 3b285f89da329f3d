package io.github.micronautratelimit.examples.quickstart;

import io.micronaut.runtime.Micronaut;

/** Starts the server. */
public final class Application {

    private Application() {}

    /**
     * Starts the server.
     *
     * @param args arguments for Micronaut
     */
    public static void main(String[] args) {
        Micronaut.run(Application.class, args);
    }
}
