/** A proxy of a language model with limits on tokens, which are settled when the usage is known. */
@NullMarked
package io.github.micronautratelimit.examples.modelproxy;

import org.jspecify.annotations.NullMarked;
