package io.github.micronautratelimit.benchmarks.redis;

/** The expected result of all decisions of a measurement. */
enum Outcome {

    /** The limits grant every request, and refill so slowly that no key is ever full again. */
    ALLOWED,

    /** The limits grant one permit a day, which the first visit takes. */
    DENIED;

    @Override
    public String toString() {
        return this == ALLOWED ? "allowed" : "denied";
    }
}
