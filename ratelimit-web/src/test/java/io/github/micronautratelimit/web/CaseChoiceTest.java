package io.github.micronautratelimit.web;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.MicroClock;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The case that matches a request. */
class CaseChoiceTest {

    private static final MicroClock EPOCH = () -> 0;

    private record Request(
            String address,
            @Nullable String userName,
            Collection<String> roles,
            Map<String, String> claims,
            Map<String, List<String>> headers,
            String method,
            RequestPath path)
            implements WebRequest {

        static Request of(String address) {
            return new Request(address, null, List.of(), Map.of(), Map.of(), "GET", new RequestPath("/"));
        }

        Request by(String user, String... withRoles) {
            return new Request(address, user, List.of(withRoles), claims, headers, method, path);
        }

        Request claiming(String name, String value) {
            return new Request(address, userName, roles, Map.of(name, value), headers, method, path);
        }

        Request with(String header, String... lines) {
            return new Request(address, userName, roles, claims, Map.of(header, List.of(lines)), method, path);
        }

        Request to(String other, String raw) {
            return new Request(address, userName, roles, claims, headers, other, new RequestPath(raw));
        }

        @Override
        public @Nullable String claim(String name) {
            return claims.get(name);
        }

        @Override
        public @Nullable String header(String name) {
            List<String> lines = headerLines(name);
            return lines.isEmpty() ? null : lines.get(0);
        }

        @Override
        public List<String> headerLines(String name) {
            return headers.entrySet().stream()
                    .filter(header -> header.getKey().equalsIgnoreCase(name))
                    .flatMap(header -> header.getValue().stream())
                    .toList();
        }
    }

    private static final Request ANYBODY = Request.of("192.0.2.1");

    private static CaseChoice<String> choice(List<String> exempt, String... cases) {
        return PolicyCases.of(
                        Arrays.stream(cases)
                                .map(text -> PolicyCase.parse(text, "/shop"))
                                .toList(),
                        null,
                        exempt)
                .map(PolicyCase::when);
    }

    private static List<String> chosen(WebRequest request, String... cases) {
        return choice(List.of(), cases).of(request, EPOCH);
    }

    private static boolean matches(String condition, WebRequest request) {
        return chosen(request, condition + ": 1/s", "otherwise: 2/s").get(0).equals(condition);
    }

    @Test
    void firstMatchingCaseApplies() {
        String[] cases = {"role:gold: 9/s", "authenticated: 5/s", "anonymous: 1/s by {ip}"};
        assertEquals(List.of("role:gold"), chosen(ANYBODY.by("alice", "gold", "staff"), cases));
        assertEquals(List.of("authenticated"), chosen(ANYBODY.by("bob", "staff"), cases));
        assertEquals(List.of("anonymous"), chosen(ANYBODY, cases));
    }

    @Test
    void roleIsComparedAsWhole() {
        assertTrue(matches("role:gold|silver", ANYBODY.by("alice", "silver")));
        assertFalse(matches("role:gold", ANYBODY.by("alice", "golden", "Gold", "go")));
        assertFalse(matches("role:gold", ANYBODY));
    }

    @Test
    void claimIsComparedAsWhole() {
        assertTrue(matches("claim:plan=pro", ANYBODY.by("alice").claiming("plan", "pro")));
        assertFalse(matches("claim:plan=pro", ANYBODY.by("alice").claiming("plan", "pro2")));
        assertFalse(matches("claim:plan=pro", ANYBODY.by("alice").claiming("Plan", "pro")));
    }

    @Test
    void firstHeaderLineThatIsNotEmptyCounts() {
        assertTrue(matches("header:x-plan=pro", ANYBODY.with("X-Plan", "pro")));
        assertTrue(matches("header:x-plan=pro", ANYBODY.with("x-plan", "", "pro", "free")));
        assertFalse(matches("header:x-plan=pro", ANYBODY.with("X-Plan", "free", "pro")));
        assertFalse(matches("header:x-plan=pro", ANYBODY.with("X-Plan", "PRO")));
        assertTrue(matches("header:x-plan", ANYBODY.with("X-Plan", "any")));
        assertFalse(matches("header:x-plan", ANYBODY.with("X-Plan", "", "")));
        assertFalse(matches("header:x-plan", ANYBODY));
    }

    @Test
    void getIncludesHead() {
        String[] cases = {"method:GET: 9/s", "otherwise: 1/s"};
        assertEquals(List.of("method:GET|HEAD"), chosen(ANYBODY.to("HEAD", "/"), cases));
        assertEquals(List.of("otherwise"), chosen(ANYBODY.to("POST", "/"), cases));
        assertTrue(matches("method:POST|PUT", ANYBODY.to("PUT", "/")));
    }

    @Test
    void severalConditionsMustAllHold() {
        String both = "authenticated and method:POST";
        assertTrue(matches(both, ANYBODY.by("alice").to("POST", "/")));
        assertFalse(matches(both, ANYBODY.to("POST", "/")));
        assertFalse(matches(both, ANYBODY.by("alice")));
    }

    @ParameterizedTest
    @CsvSource({
        "/shop/admin/users, true",
        "/shop/ADMIN, true",
        "/shop/admin/a%20b, true",
        "/shop/administrator, false",
        "/shop/orders, false"
    })
    void pathIsWithinApplication(String path, boolean matches) {
        assertEquals(matches, matches("path:/admin/**", ANYBODY.to("GET", path)));
    }

    /** Neither a strict nor a generous case can be chosen alone by another notation. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "/shop/public/../admin",
                "/shop/public/..%2fadmin",
                "/shop/admin/..;/public",
                "/shop//admin/%2e./public"
            })
    void casesOfAllReadingsOfPathApply(String path) {
        assertEquals(
                List.of("path:/public/**", "path:/admin/**"),
                chosen(ANYBODY.to("GET", path), "path:/public/**: unlimited", "path:/admin/**: 1/min", "otherwise: 5/s")
                        .subList(0, 2),
                path);
    }

    @ParameterizedTest
    @CsvSource({
        "10.1.2.3, true",
        "11.0.0.1, false",
        "9.255.255.255, false",
        "2001:db8:0:ff::/64, true",
        "2001:db8::7, true",
        "2001:db9::/64, false",
        "::ffff:10.0.0.1, true",
        "64:ff9b::10.0.0.1, true",
        "192.0.2.7, true",
        "192.0.2.8, false",
        "::1, true",
        "unknown, false",
        "'', false",
        "10.1.2, false",
        "10.1.2.3.4, false",
        "10.1.2.03, false",
        "2001:db8, false",
        "10.1.2.3.example.com, false"
    })
    void clientIsExemptByBitsOfItsAddress(String address, boolean exempt) {
        List<String> ranges = List.of("10.0.0.0/8", "2001:db8::/32", "192.0.2.7", "::1/128");
        assertEquals(
                exempt ? List.of() : List.of("otherwise"),
                choice(ranges, "otherwise: 1/s").of(Request.of(address), EPOCH));
        String range = "ip:10.0.0.0/8|2001:db8::/32|192.0.2.7|::1/128";
        assertEquals(
                !exempt,
                chosen(Request.of(address), range + ": 1/s", "otherwise: 2/s").equals(List.of("otherwise")));
    }

    @ParameterizedTest
    @CsvSource({
        "2026-01-15T08:00:00Z, true",
        "2026-01-15T07:59:59.999Z, false",
        "2026-01-15T15:59:59.999Z, true",
        "2026-01-15T16:00:00Z, false",
        "2026-07-15T07:00:00Z, true",
        "2026-07-15T06:59:59Z, false",
        "2026-07-15T15:00:00Z, false",
        "1960-07-15T08:30:00Z, true"
    })
    void timeOfDayFollowsZone(String instant, boolean matches) {
        assertEquals(matches, matchesAt("time:09:00-17:00 Europe/Berlin", instant));
    }

    @ParameterizedTest
    @CsvSource({
        "2026-01-15T16:14:59Z, false",
        "2026-01-15T16:15:00Z, true",
        "2026-01-15T18:15:00Z, true",
        "2026-01-16T00:14:59Z, true",
        "2026-01-16T00:15:00Z, false"
    })
    void timeOfDayGoesOverMidnight(String instant, boolean matches) {
        assertEquals(matches, matchesAt("time:22:00-06:00 Asia/Kathmandu", instant));
    }

    @Test
    void dayMayEndAt24() {
        assertTrue(matchesAt("time:18:00-00:00 UTC", "2026-01-15T23:59:59Z"));
        assertEquals(
                "time:18:00-00:00 UTC",
                PolicyCase.parse("time:18:00-24:00 UTC: 1/s", "").when());
    }

    private static boolean matchesAt(String condition, String instant) {
        long micros = Instant.parse(instant).toEpochMilli() * 1000;
        CaseChoice<String> choice = choice(List.of(), condition + ": 1/s", "otherwise: 2/s");
        boolean first = choice.of(ANYBODY, () -> micros).get(0).equals(condition);
        assertEquals(List.of(first ? condition : "otherwise"), choice.of(ANYBODY, () -> micros), "remembered");
        return first;
    }

    @Test
    void rememberedMinuteDoesNotOutliveIt() {
        CaseChoice<String> choice = choice(List.of(), "time:00:00-00:01 UTC: 1/s", "otherwise: 2/s");
        long day = 86_400_000_000L;
        for (long micros : new long[] {0, 59_999_999, 60_000_000, day, day + 60_000_000, 0, -1}) {
            assertEquals(
                    Math.floorMod(micros, day) < 60_000_000,
                    choice.of(ANYBODY, () -> micros).get(0).startsWith("time"),
                    micros + " µs");
        }
    }

    @Test
    void choiceOfOneCaseAllocatesNoList() {
        CaseChoice<String> choice = choice(List.of(), "anonymous: 1/s", "authenticated: 2/s");
        assertSame(choice.of(ANYBODY, EPOCH), choice.of(ANYBODY, EPOCH));
    }
}
