package io.github.micronautratelimit.examples.modelproxy;

import io.micronaut.serde.annotation.Serdeable;

/**
 * A request to the model.
 *
 * @param text      the text to complete
 * @param maxTokens the most tokens of the answer
 */
@Serdeable
public record Prompt(String text, int maxTokens) {

    private static final int CHARACTERS_PER_TOKEN = 4;

    /**
     * Returns the most tokens that the request is likely to use.
     *
     * @return those of the text and of the longest answer
     */
    public long estimate() {
        return text.length() / CHARACTERS_PER_TOKEN + (long) maxTokens;
    }
}
