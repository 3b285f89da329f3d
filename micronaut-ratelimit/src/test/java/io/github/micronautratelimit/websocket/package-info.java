/** WebSockets with real clients. */
@NullMarked
package io.github.micronautratelimit.websocket;

import org.jspecify.annotations.NullMarked;
