/**
 * Rate limiting: the limiter, policies, requests, decisions and the interfaces that a store implements.
 *
 * <p>A {@link io.github.micronautratelimit.RateLimiter} requests permits for a key under a
 * {@link io.github.micronautratelimit.Policy}, which is a name with one or more limits. Its
 * {@link io.github.micronautratelimit.RateLimitBackend} returns a {@link io.github.micronautratelimit.Decision}. The
 * limits and the state of a key under them are in {@link io.github.micronautratelimit.limit}.
 *
 * <p>All times are whole microseconds; instants are counted from the Unix epoch.
 */
@NullMarked
package io.github.micronautratelimit;

import org.jspecify.annotations.NullMarked;
