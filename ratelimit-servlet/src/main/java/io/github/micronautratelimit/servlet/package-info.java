/**
 * Limits requests in any Jakarta servlet container: {@link io.github.micronautratelimit.servlet.RateLimitFilter}.
 */
@NullMarked
package io.github.micronautratelimit.servlet;

import org.jspecify.annotations.NullMarked;
