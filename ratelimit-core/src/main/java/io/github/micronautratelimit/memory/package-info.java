/**
 * The backend that keeps its state in this process: exact among its threads, shared with nobody else.
 */
@NullMarked
package io.github.micronautratelimit.memory;

import org.jspecify.annotations.NullMarked;
