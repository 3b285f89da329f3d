/**
 * What an operator writes under {@code ratelimit}, and the beans made of it.
 */
@NullMarked
package io.github.micronautratelimit.config;

import org.jspecify.annotations.NullMarked;
