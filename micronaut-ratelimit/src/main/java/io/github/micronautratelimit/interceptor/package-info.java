/**
 * The interceptor that enforces limits on method calls.
 *
 * <p>Uses the packages {@code http}, {@code policy}, {@code key}, {@code factory}, {@code configuration} and
 * {@code annotation}.
 */
@NullMarked
package io.github.micronautratelimit.interceptor;

import org.jspecify.annotations.NullMarked;
