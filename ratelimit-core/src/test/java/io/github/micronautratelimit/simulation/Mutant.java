package io.github.micronautratelimit.simulation;

import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.internal.Scheduler;

/** A change of the stack of each instance. */
interface Mutant {

    /** The stack as it is. */
    Mutant NONE = new Mutant() {};

    /** Returns what the guard takes for the store. */
    default RateLimitBackend below(Boundary boundary) {
        return boundary;
    }

    /** Returns what the deny cache takes for the guard. */
    default RateLimitBackend above(RateLimitBackend guarded, Boundary boundary) {
        return guarded;
    }

    /** Returns the clock and the threads of the guard. */
    default Scheduler threads(Scheduler process) {
        return process;
    }
}
