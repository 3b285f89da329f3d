/** The code of the guide's chapters, in an application of the environment {@code guide}, which the tests ask. */
@NullMarked
@Configuration
@Requires(env = "guide")
package io.github.micronautratelimit.guide;

import io.micronaut.context.annotation.Configuration;
import io.micronaut.context.annotation.Requires;
import org.jspecify.annotations.NullMarked;
