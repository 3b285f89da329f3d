/**
 * What a decision costs that is kept in a Redis server, beside that server's own counter and beside peers.
 *
 * <p>Everybody takes one permit for the next key, each with its client's asynchronous calls, on the same server in turn.
 */
@NullMarked
package io.github.micronautratelimit.benchmarks.redis;

import org.jspecify.annotations.NullMarked;
