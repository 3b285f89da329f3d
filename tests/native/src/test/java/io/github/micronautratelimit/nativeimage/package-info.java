/** Checks the published modules against {@code docs/native-image.adoc}. */
@NullMarked
package io.github.micronautratelimit.nativeimage;

import org.jspecify.annotations.NullMarked;
