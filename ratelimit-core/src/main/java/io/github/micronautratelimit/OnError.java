package io.github.micronautratelimit;

/** What a policy answers while its store cannot be asked. */
public enum OnError {

    /** Every request passes. */
    OPEN,

    /** Every request is denied. */
    CLOSED,

    /** This process decides alone, with limits of its own kept in memory. */
    LOCAL
}
