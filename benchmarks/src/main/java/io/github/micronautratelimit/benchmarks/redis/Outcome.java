package io.github.micronautratelimit.benchmarks.redis;

/** What all decisions of a measurement are to be. */
enum Outcome {

    /** Limits are so generous that all is granted, and drip so slowly that no key is ever full again. */
    ALLOWED,

    /** Limits grant one permit a day, and the first visit takes it. */
    DENIED;

    @Override
    public String toString() {
        return this == ALLOWED ? "allowed" : "denied";
    }
}
