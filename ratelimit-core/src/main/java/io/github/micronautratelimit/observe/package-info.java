/** Reports calls to the store to listeners. */
@NullMarked
package io.github.micronautratelimit.observe;

import org.jspecify.annotations.NullMarked;
