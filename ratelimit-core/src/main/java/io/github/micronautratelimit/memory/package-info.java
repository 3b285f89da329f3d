/** The backend in the memory of this process: exact for all of its threads, and not shared with other processes. */
@NullMarked
package io.github.micronautratelimit.memory;

import org.jspecify.annotations.NullMarked;
