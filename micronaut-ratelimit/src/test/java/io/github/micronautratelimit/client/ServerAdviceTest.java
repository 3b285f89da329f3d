package io.github.micronautratelimit.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The time for which the headers of an answer ask clients to hold back. */
class ServerAdviceTest {

    /** 2026-11-30T12:00:00Z. */
    private static final long NOW = 1_796_040_000_000L;

    private static long millis(int status, String headers) {
        Map<String, List<String>> all = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        for (String header : headers.split(" \\| ")) {
            int colon = header.indexOf(": ");
            if (colon > 0) {
                all.computeIfAbsent(header.substring(0, colon), name -> new ArrayList<>())
                        .add(header.substring(colon + 2));
            }
        }
        return ServerAdvice.of(status, name -> all.getOrDefault(name, List.of()), NOW)
                .millis();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '!',
            value = {
                "RateLimit: \"default\";r=0;t=30 ! 30000",
                "RateLimit: \"burst\";r=4;t=1, \"day\";r=0;t=600 ! 600000",
                "RateLimit: \"a;r=5,b\";r=0;t=3 ! 3000",
                "RateLimit: \"quoted \\\"name\\\";t=9\";r=0;t=4 ! 4000",
                "RateLimit: default;r=0;t=7 ! 7000",
                "RateLimit: \"a\"; t=8 ;r=0 ;pk=:c2VjcmV0: ! 8000",
                "RateLimit: \"a\";r=0;t=2 | RateLimit: \"b\";r=0;t=5 ! 5000",
                "RateLimit: limit=10, remaining=0, reset=6 ! 6000",
                "RateLimit: limit=10,remaining=0,reset=6 ! 6000",
                "RateLimit-Limit: 10 | RateLimit-Remaining: 0 | RateLimit-Reset: 12 ! 12000",
                "X-RateLimit-Limit: 10 | X-RateLimit-Remaining: 0 | X-RateLimit-Reset: 13 ! 13000",
                "X-RateLimit-Remaining: 0 | X-RateLimit-Reset: 1796040014 ! 14000",
                "X-RateLimit-Remaining: 0 | X-RateLimit-Reset: 1796040015000 ! 15000",
                "X-RateLimit-Remaining: 0 | X-RateLimit-Reset: 1796040014.5 ! 14500",
                "X-RateLimit-Remaining: 0.0 | X-RateLimit-Reset: 2026-11-30T12:00:16Z ! 16000",
                "X-RateLimit-Remaining: 0 | X-RateLimit-Reset-After: 1.25 ! 1250",
                "X-Rate-Limit-Remaining: 0 | X-Rate-Limit-Reset: 1796040017 ! 17000",
                "X-RateLimit-Remaining-Requests: 0 | X-RateLimit-Reset-Requests: 6m0s ! 360000",
                "X-RateLimit-Remaining-Tokens: 0 | X-RateLimit-Reset-Tokens: 120ms ! 120",
                "anthropic-ratelimit-requests-remaining: 0 | anthropic-ratelimit-requests-reset: 2026-11-30T12:00:18Z "
                        + "! 18000"
            })
    void limitWithoutRemainingPermitsHoldsBackUntilItsReset(String headers, long expected) {
        for (int status : new int[] {200, 204, 404, 500, 429}) {
            assertEquals(expected, millis(status, headers), headers);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "RateLimit: \"default\";r=1;t=30",
                "RateLimit: limit=10, remaining=1, reset=6",
                "RateLimit-Policy: \"default\";q=0;w=60",
                "RateLimit-Remaining: 3 | RateLimit-Reset: 12",
                "X-RateLimit-Remaining: 0",
                "X-RateLimit-Reset: 13",
                "X-RateLimit-Remaining: 0 | X-RateLimit-Reset: 1796039999",
                "Retry-After: 30",
                "Content-Type: text/plain"
            })
    void answerWithPermitsHoldsNothingBack(String headers) {
        assertEquals(0, millis(200, headers));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '!',
            value = {
                "Retry-After: 30 ! 30000",
                "Retry-After:  5  ! 5000",
                "Retry-After: Mon, 30 Nov 2026 12:00:20 GMT ! 20000",
                "Retry-After: 2026-11-30T12:00:21+00:00 ! 21000",
                "Date: Mon, 30 Nov 2026 13:00:00 GMT | Retry-After: Mon, 30 Nov 2026 13:00:22 GMT ! 22000",
                "Retry-After: 1 | Retry-After-Ms: 250 ! 250",
                "Retry-After: 3 | X-RateLimit-Remaining: 0 | X-RateLimit-Reset: 3600 ! 3000"
            })
    void timeToWaitOfDenialDecidesAlone(String headers, long expected) {
        assertEquals(expected, millis(429, headers));
        assertEquals(expected, millis(503, headers));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '!',
            value = {
                "X-RateLimit-Remaining: 2 | X-RateLimit-Reset: 9 ! 9000",
                "RateLimit: \"a\";r=2;t=3 ! 3000",
                "Retry-After: 0 | X-RateLimit-Reset: 9 ! 9000",
                "Retry-After: soon | RateLimit: \"a\";r=0;t=3 ! 3000"
            })
    void denialWithoutTimeToWaitHoldsBackUntilTheReset(String headers, long expected) {
        assertEquals(expected, millis(429, headers));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Content-Length: 0",
                "Retry-After: ",
                "Retry-After: -5",
                "Retry-After: 1e9",
                "Retry-After: NaN",
                "Retry-After: 0x10",
                "Retry-After: Mon, 30 Nov 1926 12:00:20 GMT",
                "Retry-After: 99999999999999999999999999999999999999999999",
                "RateLimit: ;;;,,,===\"\"\"\\",
                "RateLimit: \"open;r=0;t=5",
                "RateLimit: \"a\";r=0;t=-5",
                "RateLimit: \"a\";r=;t="
            })
    void unreadableValuesAreIgnored(String headers) {
        assertEquals(ServerAdvice.UNKNOWN, millis(429, headers));
        assertEquals(0, millis(503, headers));
        assertEquals(0, millis(200, headers));
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"", "\\", "\"a\";", "r=0;t=9,", "=", ";", "0", "9.", "Mon, 30 Nov ", "1h", "\u00e9"})
    void hostileHeadersTakeLinearTime(String part) {
        String text = part.repeat(1_000_000 / part.length());
        List<String> lines = List.of(text, text);
        assertTimeoutPreemptively(Duration.ofSeconds(20), () -> {
            for (int i = 0; i < 20; i++) {
                ServerAdvice.of(429, name -> lines, NOW);
            }
        });
    }

    @Test
    void randomHeadersNeverFail() {
        Random random = new Random(19);
        String alphabet = "\"\\;,=rt0159. -:eTZGMTMonNovx\t\u00ff";
        for (int i = 0; i < 100_000; i++) {
            StringBuilder text = new StringBuilder();
            for (int length = random.nextInt(60); length > 0; length--) {
                text.append(alphabet.charAt(random.nextInt(alphabet.length())));
            }
            List<String> lines = List.of(text.toString());
            long millis = ServerAdvice.of(random.nextBoolean() ? 429 : 200, name -> lines, NOW)
                    .millis();
            assertTrue(millis >= ServerAdvice.UNKNOWN && millis <= 1_000_000_000_000_000_000L, text::toString);
        }
    }
}
