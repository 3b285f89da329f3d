package io.github.micronautratelimit.hazelcast;

import org.jspecify.annotations.Nullable;

import com.hazelcast.map.EntryProcessor;

/**
 * What is asked of one key: a pure step from what is stored to what is to be, which the member that owns the key takes, or
 * a caller who has to decide in its stead.
 *
 * @param <T> what the asker wants to know
 */
interface Question<T> {

    /**
     * What came of it.
     *
     * @param answer  for the asker
     * @param written what to remember; {@code null} if nothing changed
     */
    record Change<T>(T answer, @Nullable Written written) {
    }

    /** Takes the step; while a test tells the time, what is written lives longer. */
    Change<T> on(byte @Nullable [] stored, long nowMicros, boolean inTests);

    /** The longest that anything such questions write says something. */
    long longestLifeMillis(long nowMicros, boolean inTests);

    /** The step as the owner is sent it, with the time if it is not to be the owner's own. */
    EntryProcessor<String, byte[], long[]> sent(@Nullable Long givenMicros);

    /** What the owner has answered. */
    T read(long[] numbers);
}
