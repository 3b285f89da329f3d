/**
 * Limits on WebSockets: on connections, decided before the handshake, and on messages, decided before the application sees
 * them.
 */
@NullMarked
package io.github.micronautratelimit.websocket;

import org.jspecify.annotations.NullMarked;
