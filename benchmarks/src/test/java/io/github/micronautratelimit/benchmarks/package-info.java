/** Keeps the benchmarks from rotting. */
@NullMarked
package io.github.micronautratelimit.benchmarks;

import org.jspecify.annotations.NullMarked;
