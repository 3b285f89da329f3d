/** Holds the published modules to what {@code docs/native-image.adoc} says of them. */
@NullMarked
package io.github.micronautratelimit.nativeimage;

import org.jspecify.annotations.NullMarked;
