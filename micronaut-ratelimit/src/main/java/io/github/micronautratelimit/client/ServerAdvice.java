package io.github.micronautratelimit.client;

import java.util.List;
import java.util.function.Function;

/**
 * The time for which an answer asks clients to hold back, from its status and headers. A time to wait that the server
 * states for this denial ({@code Retry-After}) decides alone. Otherwise, the latest reset of the limits that have
 * nothing left decides.
 *
 * <p>Pure: knows no clock. Linear in the length of the headers; a value that cannot be read is ignored.
 *
 * @param millis milliseconds, 0 if the answer asks for nothing; {@link #UNKNOWN} if it denies without saying how long
 */
record ServerAdvice(long millis) {

    /** The server denied the call and did not say for how long. */
    static final long UNKNOWN = -1;

    static final int TOO_MANY_REQUESTS = 429;
    static final int UNAVAILABLE = 503;

    private static final String RATE_LIMIT = "RateLimit";
    private static final String DATE = "Date";
    private static final String RETRY_AFTER = "Retry-After";

    /** Times to wait in milliseconds, of Azure and OpenAI. They are more exact than {@code Retry-After}. */
    private static final List<String> RETRY_AFTER_MILLIS = List.of("Retry-After-Ms", "X-Ms-Retry-After-Ms");

    /** The headers with the remaining permits and their reset. A server may send several of these pairs. */
    private static final List<Pair> PAIRS = List.of(
            new Pair("RateLimit-Remaining", "RateLimit-Reset"),
            new Pair("X-RateLimit-Remaining", "X-RateLimit-Reset-After"),
            new Pair("X-RateLimit-Remaining", "X-RateLimit-Reset"),
            new Pair("X-Rate-Limit-Remaining", "X-Rate-Limit-Reset"),
            new Pair("X-RateLimit-Remaining-Requests", "X-RateLimit-Reset-Requests"),
            new Pair("X-RateLimit-Remaining-Tokens", "X-RateLimit-Reset-Tokens"),
            new Pair("Anthropic-RateLimit-Requests-Remaining", "Anthropic-RateLimit-Requests-Reset"),
            new Pair("Anthropic-RateLimit-Tokens-Remaining", "Anthropic-RateLimit-Tokens-Reset"));

    private record Pair(String remaining, String reset) {}

    /**
     * Reads an answer.
     *
     * @param status    its status
     * @param headers   returns the lines of a header
     * @param nowMillis the time of this process, in milliseconds since the epoch; the {@code Date} of the answer
     *                  replaces it where the answer has one, so that a wrong clock does no harm
     */
    static ServerAdvice of(int status, Function<String, List<String>> headers, long nowMillis) {
        boolean denied = status == TOO_MANY_REQUESTS;
        if (denied || status == UNAVAILABLE) {
            long retryAfter = retryAfter(headers, serverTime(headers, nowMillis));
            if (retryAfter > 0) {
                return new ServerAdvice(retryAfter);
            }
        }
        long reset = reset(denied, headers, nowMillis);
        return new ServerAdvice(reset == 0 && denied ? UNKNOWN : reset);
    }

    private static long retryAfter(Function<String, List<String>> headers, long serverMillis) {
        for (String name : RETRY_AFTER_MILLIS) {
            for (String line : headers.apply(name)) {
                long millis = ResetTime.ofMillis(line);
                if (millis > 0) {
                    return millis;
                }
            }
        }
        long longest = 0;
        for (String line : headers.apply(RETRY_AFTER)) {
            longest = Math.max(longest, ResetTime.millis(line, serverMillis));
        }
        return longest;
    }

    private static long reset(boolean denied, Function<String, List<String>> headers, long nowMillis) {
        List<String> fields = headers.apply(RATE_LIMIT);
        long exhausted = 0;
        long longest = 0;
        if (!fields.isEmpty()) {
            RateLimitFields.Times times = RateLimitFields.read(fields);
            exhausted = times.exhaustedMillis();
            longest = times.longestMillis();
        }
        for (Pair pair : PAIRS) {
            List<String> resets = headers.apply(pair.reset());
            if (!resets.isEmpty()) {
                long millis = Math.max(0, ResetTime.millis(resets.get(0), serverTime(headers, nowMillis)));
                longest = Math.max(longest, millis);
                List<String> remaining = headers.apply(pair.remaining());
                if (!remaining.isEmpty() && RateLimitFields.isZero(remaining.get(0))) {
                    exhausted = Math.max(exhausted, millis);
                }
            }
        }
        return exhausted > 0 || !denied ? exhausted : longest;
    }

    private static long serverTime(Function<String, List<String>> headers, long nowMillis) {
        List<String> dates = headers.apply(DATE);
        long date = dates.isEmpty()
                ? ResetTime.UNREADABLE
                : ResetTime.date(dates.get(0).strip());
        return date == ResetTime.UNREADABLE ? nowMillis : date;
    }
}
