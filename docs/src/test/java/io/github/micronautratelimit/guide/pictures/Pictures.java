package io.github.micronautratelimit.guide.pictures;

import io.github.micronautratelimit.Decision;
import java.util.LinkedHashMap;
import java.util.Map;

/** The pictures of the guide. */
final class Pictures {

    private static final long SECOND = 1_000_000;
    private static final String REMAINING = "remaining permits";

    private Pictures() {}

    /** Returns the names and contents of the files. */
    static Map<String, String> all() {
        Map<String, String> files = new LinkedHashMap<>();
        files.put("token-bucket.svg", tokenBucket());
        files.put("windows.svg", windows());
        files.put("retry-after.svg", retryAfter());
        files.put("several.svg", several());
        files.put("concurrent.svg", new SlotHolders().chart().toString());
        return files;
    }

    /** Requests at twice the refill rate, a pause, and a burst. */
    static Run overload() {
        return new Run("10/s burst 20")
                .requests(80, SECOND, SECOND / 20)
                .requests(25, 7 * SECOND, SECOND / 100)
                .until(10 * SECOND);
    }

    private static String tokenBucket() {
        return new Chart("A token bucket drains under load and refills evenly", 0, 10, 1)
                .legend(REMAINING)
                .panel("10/s burst 20", overload(), 20, 5)
                .toString();
    }

    /** Ten requests before the end of a window, ten after it, and ten later. */
    static Run aroundWindowEnd(String limits) {
        return new Run(limits)
                .requests(10, 85 * SECOND / 10, SECOND / 10)
                .requests(10, 105 * SECOND / 10, SECOND / 10)
                .requests(10, 205 * SECOND / 10, SECOND / 10)
                .until(26 * SECOND);
    }

    private static String windows() {
        return new Chart("The same requests under three limits of 10 in 10 seconds", 6, 26, 2)
                .legend(REMAINING)
                .panel("10/10s fixed", aroundWindowEnd("10/10s fixed"), 10, 5)
                .border(10, "new window")
                .border(20, "new window")
                .panel("10/10s sliding", aroundWindowEnd("10/10s sliding"), 10, 5)
                .panel("10/10s (a token bucket)", aroundWindowEnd("10/10s"), 10, 5)
                .toString();
    }

    /** Sends a request every quarter of a second. After a denial, a patient client waits for retry-after. */
    static Run client(boolean isPatient) {
        Run run = new Run("5/10s");
        long next = SECOND;
        while (next <= 13 * SECOND) {
            Decision decision = run.until(next).request();
            long wait = isPatient ? decision.retryAfterMicros() : SECOND / 4;
            next += decision.allowed() ? SECOND / 4 : wait;
        }
        return run.until(14 * SECOND);
    }

    private static String retryAfter() {
        return new Chart("A client that waits for retry-after and a client that does not", 0, 14, 1)
                .legend(REMAINING)
                .panel("5/10s, a client that waits for retry-after", client(true), 5, 5)
                .panel("5/10s, a client that sends four requests a second", client(false), 5, 5)
                .toString();
    }

    /** Eight requests a second. */
    static Run eightASecond() {
        return new Run("5/s; 20/10s sliding").requests(104, SECOND, SECOND / 8).until(15 * SECOND);
    }

    private static String several() {
        return new Chart("Two limits in one policy", 0, 15, 1)
                .legend(REMAINING + " (of the limit with fewer)")
                .panel("5/s; 20/10s sliding", eightASecond(), 5, 5)
                .toString();
    }
}
