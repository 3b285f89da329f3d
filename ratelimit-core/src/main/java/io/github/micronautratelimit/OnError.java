package io.github.micronautratelimit;

/** The fallback of a policy: decides while the store is unavailable. */
public enum OnError {

    /** Allows every request. */
    OPEN,

    /** Denies every request. */
    CLOSED,

    /** Counts in the memory of this process, with the limits divided by the number of instances. */
    LOCAL
}
