/** A function whose instances share their rate limits. */
@NullMarked
package io.github.micronautratelimit.examples.lambda;

import org.jspecify.annotations.NullMarked;
