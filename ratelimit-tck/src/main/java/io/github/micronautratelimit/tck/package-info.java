/** The contract suite. */
@NullMarked
package io.github.micronautratelimit.tck;

import org.jspecify.annotations.NullMarked;
