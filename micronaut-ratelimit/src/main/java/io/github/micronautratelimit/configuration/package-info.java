/**
 * The configuration properties below {@code ratelimit}, and the check that rejects unknown properties and invalid
 * values.
 *
 * <p>Uses no other package of this module.
 */
@NullMarked
package io.github.micronautratelimit.configuration;

import org.jspecify.annotations.NullMarked;
