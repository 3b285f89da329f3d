/**
 * Keys in Redis: a decision is one script, run in one round trip, by the server's clock.
 *
 * <p>Start at {@link io.github.micronautratelimit.redis.RedisBackend}.
 */
@NullMarked
package io.github.micronautratelimit.redis;

import org.jspecify.annotations.NullMarked;
