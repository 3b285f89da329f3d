/**
 * Policies and their use: configured policies, annotations and path rules.
 *
 * <p>Uses the packages {@code key}, {@code configuration} and {@code annotation}.
 */
@NullMarked
package io.github.micronautratelimit.policy;

import org.jspecify.annotations.NullMarked;
