package io.github.micronautratelimit;

import io.github.micronautratelimit.limit.Limit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A block of keys that are denied again and again: {@code 15min after 5 denials in 1min}. With
 * {@code x2 up to 1day}, each further block of a key is twice as long as the one before, up to a day.
 *
 * <p>The denials of a key are counted under a policy of their own, so they are counted exactly, by all instances that
 * share a store. So are the earlier blocks of a key that grow, for twice the time of the longest block.
 *
 * @param text          the text
 * @param blockMicros   the duration of the first block
 * @param denials       the denials that a block follows
 * @param factor        how many times longer each further block is; 1 for blocks of the same duration
 * @param longestMicros the duration of the longest block
 */
record Penalty(String text, long blockMicros, Limit denials, long factor, long longestMicros) {

    private static final Pattern TEXT = Pattern.compile(
            "(\\d+ *[a-z]+) +after +(\\d+) +denials? +in +(\\d* *[a-z]+)(?: +x(\\d+) +up +to +(\\d+ *[a-z]+))?");
    private static final String EXAMPLE =
            "; write one like \"15min after 5 denials in 1min\", or \"15min after 5 denials in 1min x2 up to 1day\".";
    /** The earlier blocks that are counted. Blocks have long reached the longest duration by then. */
    private static final int MAX_BLOCKS = 100;

    private static final long MAX_FACTOR = 100;

    /**
     * Parses the text form.
     *
     * @throws IllegalArgumentException if it is malformed or a number is out of range
     */
    static Penalty parse(String text) {
        Matcher matcher = TEXT.matcher(text.strip());
        require(matcher.matches(), text, "is not a block");
        try {
            long block = micros(matcher.group(1));
            Limit denials = Limit.parse(matcher.group(2) + "/" + matcher.group(3) + " sliding");
            boolean grows = matcher.group(4) != null;
            long factor = grows ? Long.parseLong(matcher.group(4)) : 1;
            long longest = grows ? micros(matcher.group(5)) : block;
            require(!grows || factor >= 2 && factor <= MAX_FACTOR, text, "has a factor outside 2 to " + MAX_FACTOR);
            require(longest >= block, text, "ends below the duration of the first block");
            require(!grows || longest <= Limit.MAX_PERIOD.dividedBy(2).toNanos() / 1000, text, "grows beyond 183 days");
            return new Penalty(text.strip(), block, denials, factor, longest);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "The block \"" + text + "\" has a number that is too large" + EXAMPLE, e);
        } catch (IllegalArgumentException e) {
            throw e.getMessage() != null && e.getMessage().startsWith("The block ")
                    ? e
                    : new IllegalArgumentException("The block \"" + text + "\": " + e.getMessage(), e);
        }
    }

    private static long micros(String duration) {
        return Limit.parse("1/" + duration).periodMicros();
    }

    private static void require(boolean valid, String text, String otherwise) {
        if (!valid) {
            throw new IllegalArgumentException("The block \"" + text + "\" " + otherwise + EXAMPLE);
        }
    }

    /** Returns the limit under which blocks are counted: {@value #MAX_BLOCKS} in twice the time of the longest one. */
    Limit blocks() {
        return Limit.parse(MAX_BLOCKS + "/" + 2 * longestMicros + "us sliding");
    }

    boolean grows() {
        return factor > 1;
    }

    /**
     * Returns the duration of a block.
     *
     * @param remaining the blocks that {@link #blocks()} still counts after this one
     * @return microseconds
     */
    long microsAfter(long remaining) {
        long micros = blockMicros;
        for (long earlier = MAX_BLOCKS - 1 - remaining; earlier > 0 && micros < longestMicros; earlier--) {
            micros *= factor;
        }
        return Math.min(micros, longestMicros);
    }
}
