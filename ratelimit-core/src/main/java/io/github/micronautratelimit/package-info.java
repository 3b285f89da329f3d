/**
 * The vocabulary of rate limiting and the pure decisions behind it.
 *
 * <p>A {@link io.github.micronautratelimit.Limit} is one constraint, a {@link io.github.micronautratelimit.Policy}
 * a name with one or more of them. A {@link io.github.micronautratelimit.RateLimiter} asks a
 * {@link io.github.micronautratelimit.RateLimitBackend} for permits under a policy and a key, and answers with a
 * {@link io.github.micronautratelimit.Decision}. What a limit remembers of a key is a
 * {@link io.github.micronautratelimit.LimitState}, an immutable value that knows no clock and no store.
 *
 * <p>All times are whole microseconds; instants are counted from the Unix epoch.
 */
@NullMarked
package io.github.micronautratelimit;

import org.jspecify.annotations.NullMarked;
