/** The code of the guide, in an application with the environment {@code guide}. */
@NullMarked
@Configuration
@Requires(env = "guide")
package io.github.micronautratelimit.guide;

import io.micronaut.context.annotation.Configuration;
import io.micronaut.context.annotation.Requires;
import org.jspecify.annotations.NullMarked;
