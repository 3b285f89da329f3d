package io.github.micronautratelimit.client;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads the header {@code RateLimit} of all drafts. The newest ones (from draft 8 of
 * draft-ietf-httpapi-ratelimit-headers on) have a list of policies with parameters, {@code "burst";r=0;t=30}. Those
 * before have a dictionary, {@code limit=100, remaining=0, reset=30}. Both are structured fields (RFC 9651), read here
 * leniently: unknown parts are skipped.
 *
 * <p>Pure. Linear in the length of the text.
 */
final class RateLimitFields {

    private static final int MAX_LENGTH = 4_096;
    private static final int MILLIS = 1_000;

    private final String text;
    private int position;
    private long exhausted;
    private long longest;

    private RateLimitFields(String text) {
        this.text = text;
    }

    /**
     * The times that a header says.
     *
     * @param exhaustedMillis the longest time until a policy without permits has some again; 0 if all have permits
     * @param longestMillis   the longest time of any policy; 0 if there is none
     */
    record Times(long exhaustedMillis, long longestMillis) {}

    /** Reads the lines of the header. */
    static Times read(List<String> lines) {
        String text = String.join(",", lines);
        RateLimitFields fields = new RateLimitFields(text.substring(0, Math.min(MAX_LENGTH, text.length())));
        fields.readMembers();
        return new Times(fields.exhausted, fields.longest);
    }

    private void readMembers() {
        Map<String, String> dictionary = new HashMap<>();
        while (position < text.length()) {
            Map<String, String> parameters = new HashMap<>();
            readPair(dictionary);
            while (position < text.length() && text.charAt(position) == ';') {
                position++;
                readPair(parameters);
            }
            position++;
            add(parameters.get("r"), parameters.get("t"));
        }
        add(dictionary.get("remaining"), dictionary.get("reset"));
    }

    /** Reads up to the next separator outside of quotation marks, and keeps a name with a value. */
    private void readPair(Map<String, String> pairs) {
        int start = position;
        int equals = -1;
        boolean quoted = false;
        for (; position < text.length(); position++) {
            char c = text.charAt(position);
            if (quoted && c == '\\') {
                position++;
            } else if (c == '"') {
                quoted = !quoted;
            } else if (!quoted && (c == ';' || c == ',')) {
                break;
            } else if (!quoted && c == '=' && equals < 0) {
                equals = position;
            }
        }
        position = Math.min(position, text.length());
        if (equals >= 0) {
            pairs.put(
                    text.substring(start, equals).strip().toLowerCase(Locale.ROOT),
                    text.substring(equals + 1, position).strip());
        }
    }

    private void add(@Nullable String remaining, @Nullable String time) {
        long millis = time == null ? 0 : seconds(time);
        longest = Math.max(longest, millis);
        if (remaining != null && isZero(remaining)) {
            exhausted = Math.max(exhausted, millis);
        }
    }

    private static long seconds(String time) {
        long millis = ResetTime.ofMillis(time);
        return millis == ResetTime.UNREADABLE ? 0 : millis * MILLIS;
    }

    /** Returns whether a number of remaining permits is 0, which some servers write as {@code 0.0} or below 0. */
    static boolean isZero(String remaining) {
        String number = remaining.strip();
        return number.length() <= 20 && number.matches("-\\d+(?:\\.\\d+)?|0+(?:\\.0+)?");
    }
}
