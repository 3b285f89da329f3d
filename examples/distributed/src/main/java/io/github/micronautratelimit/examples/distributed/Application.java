package io.github.micronautratelimit.examples.distributed;

import io.micronaut.runtime.Micronaut;

/** Starts an instance. */
public final class Application {

    private Application() {}

    /**
     * Starts an instance.
     *
     * @param args arguments for Micronaut
     */
    public static void main(String[] args) {
        Micronaut.run(Application.class, args);
    }
}
