package io.github.micronautratelimit.examples.modelproxy;

import io.micronaut.runtime.Micronaut;

/** Starts the proxy, and beside it the model that it calls. */
public final class Application {

    /** The environment of the model. */
    static final String MODEL = "model";

    private Application() {}

    /**
     * Starts both servers.
     *
     * @param args arguments for Micronaut
     */
    public static void main(String[] args) {
        Micronaut.build(args).environments(MODEL).start();
        Micronaut.build(args).start();
    }
}
