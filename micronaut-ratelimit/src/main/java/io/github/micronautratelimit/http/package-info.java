/**
 * Limits on HTTP requests: filters, headers and the response to a denied request.
 *
 * <p>Uses the packages {@code policy}, {@code key} and {@code configuration}.
 */
@NullMarked
package io.github.micronautratelimit.http;

import org.jspecify.annotations.NullMarked;
