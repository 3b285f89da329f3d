package io.github.micronautratelimit.web;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The work to read a path is bounded. It is counted in characters, because time depends on the machine. */
class RequestPathTest {

    private static final PathRule ELSEWHERE = new PathRule("/quite/another", List.of());
    private static final PathRule EVERYTHING = new PathRule("/**", List.of());

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/",
                "//a",
                "/a//",
                "/.",
                "/a/..",
                "/a/../..",
                "/a;b",
                ";",
                "/;",
                "%",
                "%2f",
                "%25",
                "%2525252525",
                "/%25%32%65",
                "%61;//",
                "\\",
                "/\\..",
                "/%5c%2e%2e",
                "/%c3%a9",
                "/\u00e9;",
                "/%25252561;//a/.."
            })
    void workOnALongHostilePathIsBounded(String unit) {
        for (int length : new int[] {1_000, 4_000, 8_000, 60_000}) {
            String path = "/" + unit.repeat(length / unit.length());
            RequestPath read = new RequestPath(path);
            assertTrue(read.work() <= RequestPath.MAX_WORK + 1, () -> "work " + read.work() + " at length " + length);
            RequestPath both = new RequestPath(path, path.replace("%", ""));
            assertTrue(both.work() <= RequestPath.MAX_WORK + 1, () -> "work " + both.work() + " at length " + length);
        }
    }

    @Test
    void everyRuleAndNoExclusionAppliesToAPathThatNeedsTooMuchWork() {
        RequestPath path = new RequestPath("/".repeat(20_000));
        assertTrue(ELSEWHERE.matches("GET", path));
        assertFalse(EVERYTHING.exempts(path));
    }

    @Test
    void honestLongPathIsReadExactly() {
        for (String path : List.of(
                "/api/" + "a".repeat(60_000),
                "/api/" + "%20x".repeat(1_000),
                "/api/" + "%C3%A9".repeat(700),
                "/api/" + "a/".repeat(2_000),
                "/api/" + "a".repeat(4_000) + ";jsessionid=1",
                "/api//" + "a".repeat(4_000))) {
            RequestPath read = new RequestPath(path);
            assertFalse(ELSEWHERE.matches("GET", read), () -> path.substring(0, 10) + " took " + read.work());
            assertTrue(new PathRule("/api/**", List.of()).matches("GET", read));
            assertTrue(new PathRule("/api/**", List.of()).exempts(read));
        }
    }

    @Test
    void plainPathTakesNoWork() {
        assertEquals(0, new RequestPath("/api/orders/" + "7".repeat(8_000)).work());
        assertEquals(0, new RequestPath("/", "/").work());
    }
}
