/** Converts the rate limits of other products to {@code ratelimit.policies} and {@code ratelimit.rules}. */
@NullMarked
package io.github.micronautratelimit.simulator.convert;

import org.jspecify.annotations.NullMarked;
