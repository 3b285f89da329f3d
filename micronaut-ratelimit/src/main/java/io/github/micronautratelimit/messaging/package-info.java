/**
 * Limits on message listeners. A message whose limits are exceeded waits, because a denial would lose it.
 *
 * <p>Uses the package {@code configuration}.
 */
@NullMarked
package io.github.micronautratelimit.messaging;

import org.jspecify.annotations.NullMarked;
