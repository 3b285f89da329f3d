/**
 * Metrics, health, spans, the log of denials and application events.
 *
 * <p>Uses the packages {@code http}, {@code factory} and {@code configuration}.
 */
@NullMarked
package io.github.micronautratelimit.observability;

import org.jspecify.annotations.NullMarked;
