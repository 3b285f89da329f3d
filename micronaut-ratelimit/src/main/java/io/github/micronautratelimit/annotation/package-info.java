/**
 * Annotations for routes, beans and WebSockets.
 *
 * <p>Uses no other package of this module.
 */
@NullMarked
package io.github.micronautratelimit.annotation;

import org.jspecify.annotations.NullMarked;
