/** A small application with limits on a route, by a configured policy, on a bean, by path rules and on a WebSocket. */
@NullMarked
package io.github.micronautratelimit.examples.quickstart;

import org.jspecify.annotations.NullMarked;
