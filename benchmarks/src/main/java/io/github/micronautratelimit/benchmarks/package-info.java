/**
 * Benchmarks of decisions in memory, compared with a lower bound for keyed limiters and with peers.
 *
 * <p>Every benchmark acquires one permit for the next key in a shuffled order, and returns the result of the limiter.
 * The limits are so generous that every request is granted.
 */
@NullMarked
package io.github.micronautratelimit.benchmarks;

import org.jspecify.annotations.NullMarked;
