/**
 * What a decision costs, beside the least that any keyed limiter can do and beside peers.
 *
 * <p>Every benchmark does the same: take one permit for the next key in a shuffled order, from limits so generous that
 * all is admitted, and return what the limiter tells of it.
 */
@NullMarked
package io.github.micronautratelimit.benchmarks;

import org.jspecify.annotations.NullMarked;
