/**
 * Benchmarks of decisions in Redis, compared with the server's own counter and with peers.
 *
 * <p>All contenders run on the same server, one after the other. Each acquires one permit for the next key with the
 * asynchronous calls of its client.
 */
@NullMarked
package io.github.micronautratelimit.benchmarks.redis;

import org.jspecify.annotations.NullMarked;
