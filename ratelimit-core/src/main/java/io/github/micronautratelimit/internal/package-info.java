/**
 * Building blocks shared by the packages of this module. Not part of the public API: anything here may change in any
 * release.
 */
@NullMarked
package io.github.micronautratelimit.internal;

import org.jspecify.annotations.NullMarked;
