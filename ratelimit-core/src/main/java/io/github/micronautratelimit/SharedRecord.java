package io.github.micronautratelimit;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Keeps one small text in the store, which all instances read and replace: the third interface that a store
 * implements, see {@link RateLimitBackend#sharedRecord}. It is for settings that an operator changes, and not for
 * decisions.
 *
 * <p>The rules of {@link RateLimitBackend} about stages and failures apply, and these:
 * <ul>
 *   <li>A record that was never written is empty. A record that was emptied cannot be told from it.</li>
 *   <li>A record does not expire. A later read of any instance returns the latest text.</li>
 *   <li>Each call is one atomic step, and of bounded cost for the store.</li>
 * </ul>
 * Safe for use by any number of threads.
 */
public interface SharedRecord {

    /** The most bytes of a record in UTF-8: 32 KiB. */
    int MAX_BYTES = 32 * 1024;

    /**
     * Reads the record.
     *
     * @return its text; empty if there is none
     */
    CompletionStage<String> read();

    /**
     * Replaces the record if it still is what the caller has read. Of several concurrent calls that expect the same
     * text and write another one, exactly one succeeds; the others read again.
     *
     * @param expected    the text that was read; empty if there was none
     * @param replacement the new text, at most {@link #MAX_BYTES}; empty to remove the record
     * @return whether the record was {@code expected}; if not, it has not changed. Fails with a
     *         {@link NonRetryableStoreException} if the replacement is too long
     */
    CompletionStage<Boolean> replace(String expected, String replacement);

    /**
     * Checks the name of a record.
     *
     * @param name the name
     * @return the same name
     * @throws IllegalArgumentException if it is not 1 to 64 ASCII letters, digits and hyphens
     */
    static String requireName(String name) {
        if (!name.matches("[A-Za-z0-9-]{1,64}")) {
            throw new IllegalArgumentException("The name of a shared record is \"" + name.replaceAll("\\p{Cntrl}", "?")
                    + "\"; write 1 to 64 ASCII letters, digits and hyphens.");
        }
        return name;
    }

    /**
     * Checks the length of a text before it is sent.
     *
     * @param text the text to write
     * @throws NonRetryableStoreException if it has more than {@link #MAX_BYTES} in UTF-8
     */
    static void requireFitting(String text) {
        int bytes = text.getBytes(StandardCharsets.UTF_8).length;
        if (bytes > MAX_BYTES) {
            throw new NonRetryableStoreException(new IllegalArgumentException("The shared record would have " + bytes
                    + " bytes, but at most " + MAX_BYTES + " are allowed; remove entries that are not needed."));
        }
    }

    /**
     * Returns the record of a store that keeps none.
     *
     * @param backend the class of the backend, named in the failures
     * @return fails every call with a {@link NonRetryableStoreException}
     */
    static SharedRecord unsupported(String backend) {
        NonRetryableStoreException failure = new NonRetryableStoreException(new UnsupportedOperationException(
                backend + " keeps no shared records; override RateLimitBackend.sharedRecord()."));
        return new SharedRecord() {

            @Override
            public CompletionStage<String> read() {
                return CompletableFuture.failedFuture(failure);
            }

            @Override
            public CompletionStage<Boolean> replace(String expected, String replacement) {
                return CompletableFuture.failedFuture(failure);
            }
        };
    }
}
