/** An application whose instances share rate limits. */
@NullMarked
package io.github.micronautratelimit.examples.distributed;

import org.jspecify.annotations.NullMarked;
