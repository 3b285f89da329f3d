/** Keeps the benchmarks against Redis from rotting. */
@NullMarked
package io.github.micronautratelimit.benchmarks.redis;

import org.jspecify.annotations.NullMarked;
