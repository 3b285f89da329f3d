/** Pictures of limits for the guide, drawn from runs of the limiter. */
@NullMarked
package io.github.micronautratelimit.guide.pictures;

import org.jspecify.annotations.NullMarked;
