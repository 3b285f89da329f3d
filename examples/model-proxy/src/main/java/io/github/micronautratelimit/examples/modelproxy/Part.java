package io.github.micronautratelimit.examples.modelproxy;

import io.micronaut.serde.annotation.Serdeable;
import org.jspecify.annotations.Nullable;

/**
 * A part of a streamed answer of the model.
 *
 * @param text  a token of the answer
 * @param usage the tokens of the prompt and the answer, in the last part; otherwise {@code null}
 */
@Serdeable
record Part(String text, @Nullable Long usage) {}
