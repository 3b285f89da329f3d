/**
 * Limits and the pure arithmetic on them: {@code (state, now, permits) -> (state', decision)}. No clock, no I/O, no
 * threads.
 */
@NullMarked
package io.github.micronautratelimit.limit;

import org.jspecify.annotations.NullMarked;
