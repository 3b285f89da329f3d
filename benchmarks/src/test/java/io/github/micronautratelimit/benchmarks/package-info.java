/** Runs every benchmark once, so that the benchmarks keep working. */
@NullMarked
package io.github.micronautratelimit.benchmarks;

import org.jspecify.annotations.NullMarked;
