package io.github.micronautratelimit.simulator.run;

import static io.github.micronautratelimit.simulator.run.Requests.START;
import static io.github.micronautratelimit.simulator.run.Requests.request;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.simulator.log.AccessLog;
import io.github.micronautratelimit.simulator.log.AccessRecord;
import io.github.micronautratelimit.simulator.log.LogOptions;
import io.github.micronautratelimit.simulator.policy.Candidate;
import io.github.micronautratelimit.simulator.policy.PolicyFile;
import io.github.micronautratelimit.simulator.policy.WrittenLimit;
import io.github.micronautratelimit.simulator.report.Report;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Expectations that were computed by hand. */
class ReplayTest {

    private static final KeyNames SHOWN = new KeyNames(true, "");

    private static Candidate written(String limits) {
        return WrittenLimit.read(limits, "{ip}", "/**");
    }

    /** Returns the decisions as letters: + for allowed, - for denied. */
    private static String decisions(Candidate candidate, AccessRecord... records) {
        StringBuilder decisions = new StringBuilder();
        try (Replay replay = new Replay(
                List.of(candidate),
                Set.of(),
                1_000,
                (number, record, allowed) -> decisions.append(allowed ? '+' : '-'))) {
            for (AccessRecord record : records) {
                replay.add(record);
            }
        }
        return decisions.toString();
    }

    private static Report report(List<Candidate> candidates, List<AccessRecord> records, double share) {
        return report(candidates, records, share, 10_000);
    }

    private static Report report(List<Candidate> candidates, List<AccessRecord> records, double share, int maxKeys) {
        String anyLine = "h - - [01/Mar/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1\n";
        LogOptions input = new LogOptions(
                List.of(LogOptions.STANDARD_INPUT), null, null, Map.of(), Set.of(), Duration.ofSeconds(1));
        try (AccessLog counted =
                        new AccessLog(input, new ByteArrayInputStream(anyLine.getBytes(StandardCharsets.UTF_8)));
                Replay replay = new Replay(candidates, Set.of(), maxKeys, Replay.NO_OBSERVER)) {
            records.forEach(replay::add);
            return new ReplaySummary(replay, SHOWN, share).report(List.of("x"), counted.counts(), List.of(), false);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void tokenBucketRefillsWithTheTimeOfTheLog() {
        String decisions = decisions(
                written("2/10s"),
                request(0, "a", "/"),
                request(1, "a", "/"),
                request(2, "a", "/"),
                request(4.999999, "a", "/"),
                request(5, "a", "/"),
                request(5, "b", "/"),
                request(6, "a", "/"));
        assertEquals("++--++-", decisions);
    }

    @Test
    void fixedWindowStartsWithTheMinuteOfTheClock() {
        String decisions = decisions(
                written("2/min fixed"),
                request(58, "a", "/"),
                request(59, "a", "/"),
                request(59.9, "a", "/"),
                request(60, "a", "/"),
                request(61, "a", "/"),
                request(62, "a", "/"));
        assertEquals("++-++-", decisions);
    }

    @Test
    void lateRequestIsDecidedAtTheLatestTime() {
        assertEquals(
                "+-+", decisions(written("1/10s"), request(20, "a", "/"), request(1, "a", "/"), request(30, "a", "/")));
    }

    @Test
    void allRulesOfARequestMustAllowItAndNoneIsChargedOtherwise() {
        Candidate candidate = PolicyFile.read(
                "c.yml",
                """
                ratelimit:
                  policies:
                    all: {limits: "3/h"}
                    search: {limits: "1/h"}
                  rules:
                    - {path: "/**", policy: all}
                    - {path: "/search", policy: search}
                """,
                Map.of(),
                null);
        String decisions = decisions(
                candidate,
                request(0, "a", "/search?q=1"),
                request(1, "a", "/search?q=2"),
                request(2, "a", "/x"),
                request(3, "a", "/x"),
                request(4, "a", "/x"),
                request(5, "a", "/health"));
        assertEquals("+-++-+", decisions);
    }

    @Test
    void denialByUserGivesBackWhatTheAddressWasCharged() {
        Candidate candidate = PolicyFile.read(
                "c.yml",
                """
                ratelimit:
                  policies:
                    address: {limits: "2/h", key: "{ip}"}
                    user: {limits: "1/h", key: "{principal}"}
                  rules:
                    - {path: "/**", policy: address}
                    - {path: "/**", policy: user}
                """,
                Map.of(),
                null);
        String decisions = decisions(
                candidate,
                request(0, "a", "/", 200, "alice"),
                request(1, "a", "/", 200, "alice"),
                request(2, "a", "/", 200, "bob"),
                request(3, "a", "/", 200, "carol"));
        assertEquals("+-+-", decisions);
    }

    @Test
    void onlyFailedLoginsStayCharged() {
        Candidate candidate = PolicyFile.read(
                "c.yml",
                "ratelimit.policies.login: {limits: \"2/h\", charge-on: [401]}",
                Map.of("login", "/login"),
                null);
        String decisions = decisions(
                candidate,
                request(0, "a", "/login", 200, null),
                request(1, "a", "/login", 401, null),
                request(2, "a", "/login", 200, null),
                request(3, "a", "/login", 401, null),
                request(4, "a", "/login", 200, null),
                request(5, "a", "/other", 401, null));
        assertEquals("++++-+", decisions);
    }

    @Test
    void repeatedDenialsBlockTheKey() {
        Candidate candidate = PolicyFile.read(
                "c.yml",
                "ratelimit.policies.p: {limits: \"1/s\", block: \"1min after 2 denials in 10s\"}",
                Map.of(),
                null);
        String decisions = decisions(
                candidate,
                request(0, "a", "/"),
                request(0, "a", "/"),
                request(0, "a", "/"),
                request(30, "a", "/"),
                request(61, "a", "/"));
        assertEquals("+---+", decisions);
    }

    @Test
    void overridesApplyToTheirKeysOnly() {
        Candidate candidate = PolicyFile.read(
                "c.yml",
                """
                ratelimit:
                  policies:
                    p:
                      limits: 1/h
                      overrides:
                        - {key: "192.0.2.7", limits: "3/h"}
                """,
                Map.of(),
                null);
        String decisions = decisions(
                candidate,
                request(0, "192.0.2.7", "/"),
                request(0, "192.0.2.7", "/"),
                request(0, "192.0.2.8", "/"),
                request(0, "192.0.2.8", "/"),
                request(0, "192.0.2.7", "/"),
                request(0, "192.0.2.7", "/"));
        assertEquals("+++-+-", decisions);
    }

    @Test
    void overrideMayBeUnlimitedOrADenial() {
        Candidate candidate = file(
                """
                ratelimit:
                  policies:
                    p:
                      limits: 1/h
                      overrides:
                        - {key: "192.0.2.7", limits: unlimited}
                        - {key: "192.0.2.8", limits: deny}
                """);
        String decisions = decisions(
                candidate,
                request(0, "192.0.2.7", "/"),
                request(0, "192.0.2.7", "/"),
                request(0, "192.0.2.8", "/"),
                request(0, "192.0.2.9", "/"),
                request(0, "192.0.2.9", "/"));
        assertEquals("++-+-", decisions);
    }

    private static Candidate file(String yaml) {
        return PolicyFile.read("c.yml", yaml, Map.of(), null);
    }

    private static final String CASES =
            """
            ratelimit:
              policies:
                api:
                  exempt: 10.0.0.0/8
                  cases:
                    - "ip:198.51.100.0/24: deny"
                    - "path:/login: 1/h"
                    - anonymous: 2/h by {ip}
                    - {when: authenticated, limits: [1/h, 5/min], key: "{principal}"}
              rules:
                - {path: "/**", policy: api}
            """;

    private static final List<AccessRecord> ALL_CASES = List.of(
            request(0, "10.0.0.1", "/login"),
            request(0, "10.0.0.1", "/login"),
            request(1, "198.51.100.9", "/login"),
            request(2, "192.0.2.1", "/login"),
            request(2, "192.0.2.1", "/login", 200, "alice"),
            request(3, "192.0.2.1", "/"),
            request(3, "192.0.2.1", "/"),
            request(3, "192.0.2.1", "/"),
            request(4, "192.0.2.1", "/", 200, "alice"),
            request(4, "192.0.2.1", "/", 200, "alice"),
            request(4, "192.0.2.2", "/", 200, "alice"),
            request(5, "192.0.2.2", "/"));

    @Test
    void firstCaseThatMatchesDecidesWithCountersOfItsOwn() {
        assertEquals("++-+-++-+--+", decisions(file(CASES), ALL_CASES.toArray(AccessRecord[]::new)));
    }

    @Test
    void reportHasARuleForEachCase() {
        Report report = report(List.of(file(CASES)), ALL_CASES, 0.01);
        assertEquals(
                List.of(
                        "api:ip:198.51.100.0/24: deny by {ip} on /** if ip:198.51.100.0/24",
                        "api:path:/login: 1/h by {ip} on /** if path:/login",
                        "api:anonymous: 2/h by {ip} on /** if anonymous",
                        "api:authenticated: 1/h; 5/min by {principal} on /** if authenticated"),
                report.candidates().get(0).limits());
        assertEquals(
                List.of("1 of 1", "1 of 2", "1 of 4", "2 of 3"),
                report.traffic().stream()
                        .map(traffic -> traffic.rules().get(0).denied() + " of " + traffic.requests())
                        .toList());
        assertEquals(5, report.candidates().get(0).denied());
    }

    @Test
    void denialOfACaseChargesNothingElse() {
        Candidate candidate = file(
                """
                ratelimit:
                  policies:
                    total: {limits: 2/h, key: "{global}"}
                    api: {cases: ["ip:198.51.100.0/24: deny", "method:POST: unlimited"], limits: 9/h}
                  rules:
                    - {path: "/**", policy: total}
                    - {path: "/**", policy: api}
                """);
        String decisions = decisions(
                candidate,
                request(0, "198.51.100.1", "/"),
                request(1, "198.51.100.2", "/"),
                request(2, "192.0.2.1", "/"),
                request(3, "192.0.2.1", "/"),
                request(4, "192.0.2.1", "/"));
        assertEquals("--++-", decisions);
    }

    @Test
    void denialOfACaseAfterAuthenticationGivesBackWhatTheAddressWasCharged() {
        Candidate candidate = file(
                """
                ratelimit:
                  policies:
                    address: {limits: 2/h}
                    user: {cases: ["authenticated and path:/admin/**: deny", "anonymous: unlimited"], limits: 9/h}
                  rules:
                    - {path: "/**", policy: address}
                    - {path: "/**", policy: user}
                """);
        String decisions = decisions(
                candidate,
                request(0, "192.0.2.1", "/admin/x", 200, "alice"),
                request(1, "192.0.2.1", "/admin/x", 200, "alice"),
                request(2, "192.0.2.1", "/admin/x"),
                request(3, "192.0.2.1", "/", 200, "alice"),
                request(4, "192.0.2.1", "/"));
        assertEquals("--++-", decisions);
    }

    @Test
    void caseOfATimeOfDayAppliesAtTheTimeOfTheLog() {
        Candidate candidate = file("ratelimit.policies.p: {cases: [\"time:00:10-00:20 UTC: 1/h\"], limits: 2/h}");
        String decisions = decisions(
                candidate,
                request(0, "192.0.2.1", "/"),
                request(599, "192.0.2.1", "/"),
                request(599.9, "192.0.2.1", "/"),
                request(600, "192.0.2.1", "/"),
                request(601, "192.0.2.1", "/"),
                request(1199, "192.0.2.1", "/"),
                request(1801, "192.0.2.1", "/"));
        assertEquals("++-+--+", decisions);
    }

    @Test
    void casesOfAllReadingsOfAPathApply() {
        Candidate candidate = file("ratelimit.policies.p: {cases: [\"path:/login: 1/h\"], limits: 3/h}");
        String decisions = decisions(
                candidate,
                request(0, "192.0.2.1", "/blog/%2e%2e/login"),
                request(1, "192.0.2.1", "/login"),
                request(2, "192.0.2.1", "/x"),
                request(3, "192.0.2.1", "/x"),
                request(4, "192.0.2.1", "/x"));
        assertEquals("+-++-", decisions);
    }

    @Test
    void ruleInShadowModeHasCountersOfItsOwnUnlessAllPoliciesAreInShadowMode() {
        String yaml =
                """
                ratelimit:
                  shadow: %s
                  policies: {p: {limits: 2/h}}
                  rules:
                    - {path: "/a/**", policy: p}
                    - {path: "/b/**", policy: p, mode: shadow}
                """;
        AccessRecord[] records = {
            request(0, "192.0.2.1", "/a/1"),
            request(1, "192.0.2.1", "/a/2"),
            request(2, "192.0.2.1", "/a/3"),
            request(3, "192.0.2.1", "/b/1"),
            request(4, "192.0.2.1", "/b/2"),
            request(5, "192.0.2.1", "/b/3")
        };
        assertEquals("++-++-", decisions(file(yaml.formatted("false")), records));
        assertEquals("++----", decisions(file(yaml.formatted("true")), records));
    }

    @Test
    void recordedDecisionsNameTheirCase() {
        Candidate candidate =
                file("ratelimit.policies.p: {cases: [\"role:gold: 2/h\", \"ip:192.0.2.0/24: deny\"], limits: 1/h}");
        String decisions = decisions(
                candidate,
                recorded("p:role:gold", "k", 1),
                recorded("p:role:gold", "k", 1),
                recorded("p:role:gold", "k", 1),
                recorded("p", "k", 1),
                recorded("p", "k", 1),
                recorded("p:ip:192.0.2.0/24", "k", 1),
                recorded("p:other", "k", 1));
        assertEquals("++-+--+", decisions);
    }

    @Test
    void ipv6ClientsAreGroupedByPrefix() {
        String decisions = decisions(
                written("1/h"),
                request(0, "2001:db8:0:1::1", "/"),
                request(0, "2001:DB8:0:1::2", "/"),
                request(0, "2001:db8:0:2::1", "/"),
                request(0, "host.example.org", "/"),
                request(0, "host.example.org", "/"));
        assertEquals("+-++-", decisions);
    }

    @Test
    void recordedDecisionsAreReplayedByPolicyAndKey() {
        Candidate candidate = PolicyFile.read(
                "c.yml",
                "ratelimit.policies: {read: {limits: \"5/h\"}, write: {limits: \"3/h\", key: \"{path:id}\"}}",
                Map.of(),
                null);
        String decisions = decisions(
                candidate,
                recorded("write", "k", 2),
                recorded("write", "k", 2),
                recorded("write", "l", 2),
                recorded("read", "k", 5),
                recorded("read", "k", 1),
                recorded("other", "k", 1));
        assertEquals("+-++-+", decisions);
        assertEquals(
                "+-+", decisions(written("1/h"), recorded("a", "k", 1), recorded("a", "k", 1), recorded("b", "k", 1)));
    }

    private static AccessRecord recorded(String policy, String key, long permits) {
        return new AccessRecord(
                START, key, null, "-", "/", 0, Map.of(), new AccessRecord.RecordedDecision(policy, key, permits, true));
    }

    /** 99 clients make 2 requests a minute for 10 minutes, one makes 5 at once every minute, and one 100 a minute. */
    private static List<AccessRecord> minutes() {
        return IntStream.range(0, 10)
                .boxed()
                .flatMap(minute -> IntStream.range(0, 60).boxed().flatMap(second -> IntStream.range(0, 101)
                        .filter(client -> client < 99 && second % 30 == client % 30
                                || client == 99 && second == 0
                                || client == 100 && second < 50)
                        .boxed()
                        .flatMap(client -> IntStream.range(0, client == 99 ? 5 : client == 100 ? 2 : 1)
                                .mapToObj(i -> request(60 * minute + second, "10.0.0." + client, "/")))))
                .toList();
    }

    @Test
    void reportCountsRequestsClientsAndKeys() {
        Report report = report(List.of(written("4/min"), written("100/min")), minutes(), 0.01);
        assertEquals(99 * 20 + 50 + 1_000, report.input().requests());
        assertEquals(101, report.input().clients());
        Report.CandidateSummary strict = report.candidates().get(0);
        // The burst of 5 leaves 1 denied each minute. 4 + 4 * 10 - 1 of the 1000 are granted, up to second 589.
        long granted = 4 + (589 * 4) / 60;
        assertEquals(10 + 1_000 - granted, strict.denied());
        assertEquals(2, strict.clientsDenied());
        assertEquals(0, report.candidates().get(1).denied());
        Report.Traffic traffic = report.traffic().get(0);
        assertEquals(1, report.traffic().size());
        assertEquals("{ip} on /**", traffic.name());
        assertEquals(101, traffic.keys());
        assertEquals(1, traffic.attackers());
        assertEquals(2, traffic.rules().get(0).keysDenied());
        assertEquals("10.0.0.100", traffic.topKeys().get(0).key());
        assertEquals(
                "100 requests in one minute; the median key had 2",
                traffic.topKeys().get(0).attack());
        assertEquals(List.of(1_000 - granted, 0L), traffic.topKeys().get(0).denied());
        assertEquals(
                1_000,
                traffic.topKeys().get(0).timeline().stream()
                        .mapToLong(Long::longValue)
                        .sum());
        assertEquals(
                1_000 - granted,
                traffic.topKeys().get(0).deniedTimeline().stream()
                        .mapToLong(Long::longValue)
                        .sum());
    }

    @Test
    void adviceIsTheSmallestLimitAndBurstThatTouchFewHonestKeys() {
        Report strict = report(List.of(written("1/min")), minutes(), 0);
        Report.Advice none = advice(strict, "min");
        // 5 a minute at once need a burst of 5; 5/min refills the last of them in time, 3/min does not.
        assertEquals("5/min", none.limit());
        assertEquals(0, none.touched());
        assertEquals(100, none.keys());
        assertEquals(1, none.attackers());
        assertEquals(List.of(new Report.TouchedKey("10.0.0.100", 1_000, true)), none.examples());

        Report.Advice one = advice(report(List.of(written("1/min")), minutes(), 0.01), "min");
        // 2 a minute, every 30 seconds, pass 2/min with a burst of 1.
        assertEquals("2/min burst 1", one.limit());
        assertEquals(1, one.touched());
        assertEquals("5/s", advice(strict, "s").limit());
        assertTrue(strict.traffic().get(0).advice().stream()
                .noneMatch(advice -> advice.period().equals("h")));
    }

    private static Report.Advice advice(Report report, String period) {
        return report.traffic().get(0).advice().stream()
                .filter(advice -> advice.period().equals(period))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void tradeOffNamesTheSharesOfEachLimit() {
        Report report = report(List.of(written("1/min")), minutes(), 0);
        List<Report.Step> steps = report.traffic().get(0).tradeOffs().get(1).steps();
        Report.Step five =
                steps.stream().filter(step -> step.limit() == 5).findFirst().orElseThrow();
        long granted = 5 + (589 * 5) / 60;
        assertEquals((1_000.0 - granted) / 3_030, five.deniedShare(), 1e-9);
        assertEquals(1.0 / 101, five.touchedShare(), 1e-9);
        assertEquals(5, five.burstNeeded());
    }

    @Test
    void burstHistogramCountsKeysByTheirBusiestMinute() {
        Report report = report(List.of(written("1/min")), minutes(), 0);
        Report.Histogram minute = report.traffic().get(0).bursts().get(1);
        assertEquals("minute", minute.period());
        assertEquals(
                List.of(
                        new Report.Bin(1, 1, 0),
                        new Report.Bin(2, 2, 99),
                        new Report.Bin(3, 5, 1),
                        new Report.Bin(6, 10, 0),
                        new Report.Bin(11, 20, 0),
                        new Report.Bin(21, 50, 0),
                        new Report.Bin(51, 100, 1)),
                minute.bins());
    }

    @Test
    void probingClientIsALikelyAttacker() {
        List<AccessRecord> records = IntStream.range(0, 20)
                .mapToObj(i -> request(60 * i, i == 0 ? "honest" : "probe", "/" + i, i % 3 == 0 ? 200 : 404, null))
                .toList();
        Report few = report(List.of(written("1/min")), records, 0);
        assertEquals(0, few.traffic().get(0).attackers());
        List<AccessRecord> one = new java.util.ArrayList<>(records);
        one.add(request(1_300, "probe", "/x", 401, null));
        Report enough = report(List.of(written("1/min")), one, 0);
        assertEquals(1, enough.traffic().get(0).attackers());
        assertEquals(
                "70 % of 20 requests failed (4xx)",
                enough.traffic().get(0).topKeys().stream()
                        .filter(key -> key.key().equals("probe"))
                        .findFirst()
                        .orElseThrow()
                        .attack());
    }

    @Test
    void manyKeysAreEstimatedInBoundedMemory() {
        List<AccessRecord> records = IntStream.range(0, 40_000)
                .mapToObj(i -> request(i / 100.0, "10." + i % 20_000 / 200 + "." + i % 200 + ".1", "/"))
                .toList();
        Report report = report(List.of(written("1/h")), records, 0.01, 1_000);
        assertTrue(report.input().estimated());
        assertEquals(20_000, report.input().clients(), 2_000);
        Report.Traffic traffic = report.traffic().get(0);
        assertTrue(traffic.sampling() >= 16, () -> "one of " + traffic.sampling());
        assertEquals(20_000, traffic.keys(), 2_000);
        assertEquals(1, (double) traffic.rules().get(0).keysDenied() / traffic.keys(), 0.001);
    }

    @Test
    void keysAreHashedUnlessTheyAreShown() {
        KeyNames hashed = new KeyNames(false, "salt");
        assertEquals(hashed.of("{ip}192.0.2.1"), hashed.of("{ip}192.0.2.1"));
        assertFalse(hashed.of("{ip}192.0.2.1").contains("192"));
        assertFalse(hashed.of("{ip}192.0.2.1").equals(new KeyNames(false, "other").of("{ip}192.0.2.1")));
        assertEquals("192.0.2.1", SHOWN.of("{ip}192.0.2.1"));
        assertEquals("192.0.2.1", SHOWN.of("@192.0.2.1"));
        assertEquals("{global}", SHOWN.of(""));
    }

    @Test
    void courseOverTimeKeepsAllRequestsWhenIntervalsGrow() {
        List<AccessRecord> records = IntStream.range(0, 5_000)
                .mapToObj(i -> request(Math.pow(i, 1.6), "a", "/"))
                .toList();
        Report report = report(List.of(written("1/min")), records, 0.01);
        assertEquals(
                5_000,
                report.timeline().requests().stream().mapToLong(Long::longValue).sum());
        assertEquals(
                report.candidates().get(0).denied(),
                report.timeline().denied().get(0).stream()
                        .mapToLong(Long::longValue)
                        .sum());
        assertEquals(START, report.timeline().startMicros());
        assertEquals(3_600_000_000L, report.timeline().widthMicros());
    }
}
