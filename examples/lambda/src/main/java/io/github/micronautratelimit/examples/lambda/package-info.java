/** A function whose limits hold across all its instances. */
@NullMarked
package io.github.micronautratelimit.examples.lambda;

import org.jspecify.annotations.NullMarked;
