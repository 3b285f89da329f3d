/**
 * An application of which several instances run, and whose limits hold for all of them together.
 */
@NullMarked
package io.github.micronautratelimit.examples.distributed;

import org.jspecify.annotations.NullMarked;
