/**
 * Resolution of key templates and costs from HTTP requests.
 *
 * <p>Uses no other package of this module.
 */
@NullMarked
package io.github.micronautratelimit.key;

import org.jspecify.annotations.NullMarked;
