package io.github.micronautratelimit.web;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.micronautratelimit.limit.LimitSet;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Cases that are refused, and their names. */
class PolicyCasesTest {

    private static PolicyCases cases(@Nullable String limits, List<String> exempt, String... texts) {
        return PolicyCases.of(
                Arrays.stream(texts)
                        .map(text -> PolicyCase.parse(text, "/shop"))
                        .toList(),
                limits == null ? null : Allowance.of(LimitSet.parse(limits)),
                exempt);
    }

    private static String refusal(@Nullable String limits, List<String> exempt, String... texts) {
        return assertThrows(IllegalArgumentException.class, () -> cases(limits, exempt, texts))
                .getMessage();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "guest: 1/s | \"guest\": unknown condition; write anonymous, authenticated, role:gold,",
                "Anonymous: 1/s | \"Anonymous\": unknown condition;",
                "anonymous and: 1/s | \"anonymous and\": unknown condition;",
                "anonymous:x: 1/s | \"anonymous:x\": the condition has no value; write \"anonymous\".",
                "role: 1/s | \"role\": \"\" is not the name of a role; write one such as \"role:gold\"",
                "role:gold,silver: 1/s | \"role:gold,silver\": \"gold,silver\" is not the name of a role;",
                "role=gold: 1/s | \"role=gold\": unknown condition;",
                "role:*: 1/s | \"role:*\": \"*\" is not the name of a role;",
                "role:gold silver: 1/s | \"role:gold silver\": \"gold silver\" is not the name of a role;",
                "claim:plan: 1/s | \"claim:plan\": a claim has a name and a value;",
                "claim:=pro: 1/s | \"claim:=pro\": a claim has a name and a value;",
                "header:=pro: 1/s | \"header:=pro\": the header has no name; write one such as",
                "header: 1/s | \"header\": the header has no name;",
                "header:X Plan=pro: 1/s | \"header:X Plan=pro\": \"X Plan\" is not the name of a header;",
                "header:X-Plan=: 1/s | \"header:X-Plan=\": the value is empty, which no header has;",
                "method:PUSH: 1/s | \"method:PUSH\": \"PUSH\" is not an HTTP method;",
                "path:admin: 1/s | \"path:admin\": \"admin\" does not start with a slash;",
                "path:/shop/admin: 1/s | \"path:/shop/admin\": \"/shop/admin\" starts with the context path",
                "ip:10.0.0.0/33: 1/s | \"ip:10.0.0.0/33\": \"10.0.0.0/33\" is not a range of addresses;",
                "ip:localhost: 1/s | \"ip:localhost\": \"localhost\" is not a range of addresses;",
                "time:9-17 UTC: 1/s | \"time:9-17 UTC\": the part of the day is not two different times;",
                "time:09:00-09:00 UTC: 1/s | \"time:09:00-09:00 UTC\": the part of the day is not two",
                "time:25:00-26:00 UTC: 1/s | \"time:25:00-26:00 UTC\": the part of the day is not two",
                "time:09:00-17:00: 1/s | \"time:09:00-17:00\": the zone of the times is missing;",
                "time:09:00-17:00 Berlin: 1/s | \"time:09:00-17:00 Berlin\": \"Berlin\" is not a time zone;",
                "anonymous and role:gold: 1/s | \"anonymous\" and \"role:gold\" never hold together,",
                "authenticated and anonymous: 1/s | \"authenticated\" and \"anonymous\" never hold together,",
                "method:GET and method:POST: 1/s | \"method:GET|HEAD\" and \"method:POST\" never hold",
                "ip:10.0.0.0/8 and ip:11.0.0.1: 1/s | \"ip:10.0.0.0/8\" and \"ip:11.0.0.1\" never hold",
                "header:a=1 and header:A=2: 1/s | \"header:a=1\" and \"header:a=2\" never hold together,",
                "otherwise and anonymous: 1/s | \"otherwise and anonymous\": otherwise means all requests",
                "60/h by {ip} | \"60/h by {ip}\" has no condition; write a case like",
                "anonymous: sixty | \"sixty\"",
                "anonymous: 60/h by ip | The key \"ip\" has no placeholder,",
                "anonymous: 60/h by {rol} | \"{rol}\": unknown placeholder {rol}",
                "anonymous: deny by {ip} | The key \"{ip}\" has no effect, because \"deny\" counts nothing;",
            })
    void malformedCaseIsRefusedWithOneSentence(String text, String start) {
        String message = assertThrows(IllegalArgumentException.class, () -> PolicyCase.parse(text, "/shop"))
                .getMessage();
        assertEquals(start, message.substring(0, Math.min(start.length(), message.length())), message);
        assertEquals(message.trim(), message.replace("\n", " ").trim());
    }

    @Test
    void placeholdersNameWhatConditionsRead() {
        assertEquals(
                "[{principal}, {header:x-plan}]",
                PolicyCase.parse("authenticated and header:X-Plan=pro and method:POST: 1/s", "")
                        .placeholders()
                        .toString());
        assertEquals(
                "[{role}, {claim:plan}]",
                PolicyCase.parse("role:gold and claim:plan=pro: 1/s", "")
                        .placeholders()
                        .toString());
        assertEquals(
                List.of(),
                PolicyCase.parse("ip:10.0.0.0/8 and path:/a and time:09:00-17:00 UTC: 1/s", "")
                        .placeholders());
    }

    @Test
    void caseThatNoRequestReachesIsRefused() {
        assertEquals(
                "cases[1] (\"role:gold\") would never apply, because cases[0] (\"authenticated\") matches all of its"
                        + " requests before; remove one of them, or change their order.",
                refusal("1/s", List.of(), "authenticated: 5/s", "role:gold: 9/s"));
        for (String[] pair : new String[][] {
            {"anonymous: 1/s", "anonymous: 2/s"},
            {"role:gold|silver: 1/s", "role:silver: 2/s"},
            {"path:/api/**: 1/s", "path:/api/orders: 2/s"},
            {"ip:10.0.0.0/8: 1/s", "ip:10.1.0.0/16 and method:POST: 2/s"},
            {"header:X-Plan: 1/s", "header:x-plan=pro: 2/s"},
            {"method:POST|PUT: 1/s", "authenticated and method:PUT: 2/s"},
            {"time:09:00-17:00 UTC: 1/s", "time:09:00-17:00 UTC: 2/s"},
            {"claim:plan=pro: 1/s", "claim:plan=pro: 2/s"},
            {"otherwise: 1/s", "anonymous: 2/s"}
        }) {
            String message = refusal(pair[0].startsWith("otherwise") ? null : "1/s", List.of(), pair);
            assertEquals(true, message.contains("cases[1]") && message.contains("would never apply"), message);
        }
        assertEquals(
                "cases[2] (\"method:POST\") would never apply, because the cases before it match every request; remove it,"
                        + " or write it before them.",
                refusal(null, List.of(), "anonymous: 1/s", "authenticated: 2/s", "method:POST: 3/s"));
        assertEquals(
                "cases[0] (\"ip:10.1.0.0/16\") would never apply, because its clients are exempt; remove it, or the range"
                        + " in exempt.",
                refusal("1/s", List.of("10.0.0.0/8"), "ip:10.1.0.0/16: deny"));
    }

    @Test
    void overlappingRangesWithDifferentLimitsAreRefused() {
        assertEquals(
                "\"10.1.0.0/16\" of cases[0] and \"10.0.0.0/8\" of cases[1] overlap and have different limits; write ranges"
                        + " that do not overlap.",
                refusal("1/s", List.of(), "ip:10.1.0.0/16: deny", "ip:10.0.0.0/8: unlimited"));
        assertEquals(
                3,
                cases("1/s", List.of(), "ip:10.1.0.0/16: deny", "ip:10.2.0.0/16: unlimited")
                        .all()
                        .size());
        assertEquals(
                3,
                cases("1/s", List.of(), "ip:10.1.0.0/16: 5/s", "ip:10.0.0.0/8: 5/s")
                        .all()
                        .size());
        assertEquals(
                "exempt: \"10.1.0.0/16\" lies within \"10.0.0.0/8\", which is exempt already; remove it.",
                refusal("1/s", List.of("10.1.0.0/16", "10.0.0.0/8")));
    }

    @Test
    void everyRequestNeedsLimits() {
        assertEquals(
                "cases leaves some requests without limits; add limits for them, or a last case such as"
                        + " \"otherwise: unlimited\".",
                refusal(null, List.of(), "role:gold: 1/s"));
        assertEquals(
                "limits would never apply, because the cases for anonymous and authenticated requests match every request"
                        + " that no earlier case matches; remove limits, or that case.",
                refusal("1/s", List.of(), "anonymous: 1/s", "authenticated: 2/s"));
        assertEquals(
                "limits would never apply, because cases[0] (\"otherwise\") matches every request that no earlier case"
                        + " matches; remove limits, or that case.",
                refusal("1/s", List.of(), "otherwise: 1/s"));
    }

    @Test
    void partOfOneIpv6ClientIsRefused() {
        PolicyCases cases = cases("1/s", List.of("2001:db8::7"));
        cases.requireGroups(128);
        assertEquals(
                "\"2001:db8::7\" is a part of one client, because all addresses of an IPv6 prefix of 64 bits count as one;"
                        + " write a range of at most 64 bits, or set ipv6-prefix to 128.",
                assertThrows(IllegalArgumentException.class, () -> cases.requireGroups(64))
                        .getMessage());
        cases("1/s", List.of("2001:db8::/64", "10.0.0.1")).requireGroups(64);
    }

    @Test
    void casesHaveDistinctNamesForStores() {
        List<String> texts = List.of(
                "role:gold",
                "role:größe",
                "role:gr_e",
                "header:x=a_b",
                "header:x=a b",
                "time:09:00-17:00 UTC",
                "path:/a_b and method:POST",
                "header:x=" + "v".repeat(300),
                "otherwise");
        Set<String> names = new HashSet<>();
        for (String text : texts) {
            String name = PolicyCase.parse(text + ": 1/s", "").policyName("api");
            assertEquals(true, names.add(name), name);
            assertEquals(true, name.matches("api:[!-~&&[^\"\\\\]]{1,100}"), name);
        }
        assertEquals(
                "api:role:gold+method:POST",
                PolicyCase.parse("role:gold and method:POST: 1/s", "").policyName("api"));
        assertEquals(
                "api", PolicyCase.ofPolicy(Allowance.of(LimitSet.parse("1/s"))).policyName("api"));
    }

    @Test
    void textOfCaseIsReadAgain() {
        for (String text : List.of(
                "anonymous: 60/h by {ip}",
                "authenticated and method:POST: 10/s; 1000/h sliding by {principal}",
                "ip:10.0.0.0/8|192.168.0.0/16: unlimited",
                "claim:plan=free: deny")) {
            assertEquals(text, PolicyCase.parse(text, "").toString());
        }
    }
}
