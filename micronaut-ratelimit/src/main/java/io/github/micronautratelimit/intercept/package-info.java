/**
 * Limits written on methods, and the advice that enforces them on calls.
 */
@NullMarked
package io.github.micronautratelimit.intercept;

import org.jspecify.annotations.NullMarked;
