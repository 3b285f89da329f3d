/** Tests of WebSocket limits with real clients. */
@NullMarked
package io.github.micronautratelimit.websocket;

import org.jspecify.annotations.NullMarked;
