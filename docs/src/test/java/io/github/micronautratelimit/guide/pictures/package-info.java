/** The guide's pictures of how limits behave, drawn from runs of the limiter itself. */
@NullMarked
package io.github.micronautratelimit.guide.pictures;

import org.jspecify.annotations.NullMarked;
