/**
 * Creation of the limiter, its backend and the beans of the HTTP configuration.
 *
 * <p>Uses the packages {@code configuration} and {@code policy}.
 */
@NullMarked
package io.github.micronautratelimit.factory;

import org.jspecify.annotations.NullMarked;
