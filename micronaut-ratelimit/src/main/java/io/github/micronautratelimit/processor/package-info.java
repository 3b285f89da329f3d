/**
 * Checks annotations while they are compiled.
 */
@NullMarked
package io.github.micronautratelimit.processor;

import org.jspecify.annotations.NullMarked;
