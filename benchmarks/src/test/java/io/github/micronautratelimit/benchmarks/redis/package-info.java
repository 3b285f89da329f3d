/** Runs every Redis benchmark for a moment, so that the benchmarks keep working. */
@NullMarked
package io.github.micronautratelimit.benchmarks.redis;

import org.jspecify.annotations.NullMarked;
