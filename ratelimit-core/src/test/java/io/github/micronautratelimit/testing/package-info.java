/** Stores and helpers that several tests share. */
@NullMarked
package io.github.micronautratelimit.testing;

import org.jspecify.annotations.NullMarked;
