/**
 * Limits on WebSockets: on connections, before the handshake, and on messages, before the application receives them.
 *
 * <p>Uses the packages {@code http}, {@code policy}, {@code key} and {@code configuration}.
 */
@NullMarked
package io.github.micronautratelimit.websocket;

import org.jspecify.annotations.NullMarked;
