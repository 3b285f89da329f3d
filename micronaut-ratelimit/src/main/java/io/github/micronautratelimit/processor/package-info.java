/**
 * Checks annotations at compile time.
 *
 * <p>Uses the packages {@code policy} and {@code annotation}.
 */
@NullMarked
package io.github.micronautratelimit.processor;

import org.jspecify.annotations.NullMarked;
