package io.github.micronautratelimit.simulator.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LogFormatTest {

    private static final String TENANT = FieldName.header("X-Tenant");

    private static final String ALB = "h2 2026-03-01T10:00:02.500000Z app/shop/50dc6c495c0c9188 192.0.2.7:46532"
            + " 10.0.0.66:9000 0.000 0.002 0.000 200 200 5 257 \"GET https://shop.example.org:443/api/items?page=2 HTTP/2.0\""
            + " \"curl/8.5.0\" TLS_AES_128_GCM_SHA256 TLSv1.3 arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/a/b"
            + " \"Root=1-58337262-36d228ad5d99923122bbe354\" \"shop.example.org\" \"arn:aws:acm:eu-central-1:1:certificate/c\""
            + " 1 2026-03-01T10:00:02.497000Z \"forward\" \"-\" \"-\" \"10.0.0.66:9000\" \"200\" \"-\" \"-\"";

    private static AccessRecord read(LineFormat format, String line) {
        AccessRecord record = format.parse(line);
        assertNotNull(record, () -> line + " is unreadable.");
        return record;
    }

    private static LineFormat open(LogFormat format, String... wanted) {
        return format.open(Map.of(), Set.of(wanted));
    }

    private static long micros(String time) {
        Instant instant = Instant.parse(time);
        return instant.getEpochSecond() * 1_000_000 + instant.getNano() / 1000;
    }

    @Test
    void commonLineContainsClientUserTimeAndRequest() {
        AccessRecord record = read(
                open(LogFormat.COMBINED),
                "192.0.2.1 - alice [10/Oct/2000:13:55:36 -0700] \"GET /apache_pb.gif?x=1 HTTP/1.0\" 200 2326");
        assertEquals(
                new AccessRecord(
                        micros("2000-10-10T20:55:36Z"),
                        "192.0.2.1",
                        "alice",
                        "GET",
                        "/apache_pb.gif?x=1",
                        200,
                        Map.of(),
                        null),
                record);
        assertEquals("/apache_pb.gif", record.path());
        assertEquals("x=1", record.queryText());
    }

    @Test
    void combinedLineContainsUserAgentIfItIsWanted() {
        String line =
                "2001:db8::1 - - [29/Feb/2024:00:00:60 +0530] \"POST /a \\\"b\\\" HTTP/2.0\" 429 - \"-\" \"agent \\\"x\\\"\"";
        AccessRecord record = read(open(LogFormat.COMBINED, FieldName.header("user-agent")), line);
        assertEquals(micros("2024-02-28T18:31:00Z"), record.micros());
        assertEquals("/a \\\"b\\\"", record.target());
        assertEquals(429, record.status());
        assertEquals(Map.of("header:user-agent", "agent \\\"x\\\""), record.values());
        assertNull(record.user());
    }

    @Test
    void requestThatIsNotHttpCountsAsRequestForTheRoot() {
        AccessRecord record = read(
                open(LogFormat.COMBINED), "192.0.2.1 - - [10/Oct/2000:13:55:36 +0000] \"\\x16\\x03\\x01\" 400 150");
        assertEquals("/", record.path());
        assertEquals("-", record.method());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "garbage",
                "192.0.2.1 - - [31/Feb/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1",
                "192.0.2.1 - - [10/Okt/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1",
                "192.0.2.1 - - [10/Oct/2024:25:00:00 +0000] \"GET / HTTP/1.1\" 200 1",
                "192.0.2.1 - - [10/Oct/2024:00:00:00 +0000] \"GET / HTTP/1.1",
                " - - [10/Oct/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1",
            })
    void brokenCommonLineIsUnreadable(String line) {
        assertNull(open(LogFormat.COMBINED).parse(line));
    }

    @Test
    void jsonLinesOfUsualServersNeedNoFieldNames() {
        String caddy =
                "{\"ts\":1646861401.5241024,\"request\":{\"remote_ip\":\"192.0.2.1\",\"method\":\"GET\",\"uri\":\"/a?b=c\","
                        + "\"headers\":{\"X-Tenant\":[\"red\",\"blue\"]}},\"user_id\":\"\",\"status\":404}";
        AccessRecord record = read(open(LogFormat.JSON, TENANT), caddy);
        assertEquals(1_646_861_401_524_102L, record.micros(), 1);
        assertEquals("192.0.2.1", record.client());
        assertEquals("/a", record.path());
        assertEquals(404, record.status());
        assertEquals(Map.of("header:x-tenant", "red"), record.values());

        String nginx =
                "{\"time_iso8601\":\"2026-03-01T10:00:00+01:00\",\"remote_addr\":\"192.0.2.2\",\"remote_user\":\"bob\","
                        + "\"request\":\"PUT /x HTTP/1.1\",\"status\":\"201\",\"http_x_tenant\":\"green\"}";
        AccessRecord other = read(open(LogFormat.JSON, TENANT), nginx);
        assertEquals(
                new AccessRecord(
                        micros("2026-03-01T09:00:00Z"),
                        "192.0.2.2",
                        "bob",
                        "PUT",
                        "/x",
                        201,
                        Map.of("header:x-tenant", "green"),
                        null),
                other);
    }

    @Test
    void namedJsonFieldsReplaceTheUsualNames() {
        LineFormat format = LogFormat.JSON.open(
                Map.of(FieldName.TIME, "when", FieldName.CLIENT, "peer.address", TENANT, "org"), Set.of(TENANT));
        AccessRecord record =
                read(format, "{\"when\":1700000000123,\"time\":1,\"peer\":{\"address\":\"192.0.2.9\"},\"org\":\"o\"}");
        assertEquals(1_700_000_000_123_000L, record.micros());
        assertEquals("192.0.2.9", record.client());
        assertEquals(Map.of("header:x-tenant", "o"), record.values());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"{", "[]", "{\"time\":\"yesterday\",\"client\":\"a\"}", "{\"time\":1700000000}", "nonsense"})
    void brokenJsonLineIsUnreadable(String line) {
        assertNull(open(LogFormat.JSON).parse(line));
    }

    @Test
    void albLineHasTheTimeAtWhichTheRequestArrived() {
        AccessRecord record = read(open(LogFormat.ALB), ALB);
        assertEquals(micros("2026-03-01T10:00:02.497Z"), record.micros());
        assertEquals("192.0.2.7", record.client());
        assertEquals("/api/items", record.path());
        assertEquals("page=2", record.queryText());
        assertEquals(200, record.status());
    }

    @Test
    void cloudFrontColumnsAreThoseOfTheDirective() {
        LineFormat format = open(LogFormat.CLOUDFRONT, FieldName.cookie("session"));
        assertEquals(AccessRecord.NOT_A_REQUEST, format.parse("#Version: 1.0"));
        assertEquals(
                AccessRecord.NOT_A_REQUEST,
                format.parse("#Fields: date time c-ip cs-method cs-uri-stem sc-status cs-uri-query cs(Cookie)"));
        AccessRecord record = read(
                format, "2026-03-01\t10:00:00\t2001:db8::7\tGET\t/images/a.png\t304\tq=1\tsession=abc;%20theme=dark");
        assertEquals(
                new AccessRecord(
                        micros("2026-03-01T10:00:00Z"),
                        "2001:db8::7",
                        null,
                        "GET",
                        "/images/a.png?q=1",
                        304,
                        Map.of("cookie:session", "abc"),
                        null),
                record);
        assertNull(format.parse("2026-03-01\t10:00:00"));
    }

    @Test
    void nginxFormatIsReadFromItsDirective() {
        String directive = "log_format main '$remote_addr - $remote_user [$time_local] '\n"
                + "    '\"$request\" $status $body_bytes_sent \"$http_x_tenant\" rt=$request_time';";
        LineFormat format = new NginxFormat(directive, Set.of(TENANT));
        AccessRecord record = read(
                format,
                "192.0.2.1 - - [01/Mar/2026:10:00:00 +0000] \"GET /a HTTP/1.1\" 200 17 \"red \\\"1\\\"\" rt=0.004");
        assertEquals(micros("2026-03-01T10:00:00Z"), record.micros());
        assertEquals(Map.of("header:x-tenant", "red \\\"1\\\""), record.values());
        assertTrue(format.mayContain(FieldName.METHOD));
        assertNull(format.parse("192.0.2.1 [01/Mar/2026:10:00:00 +0000]"));
    }

    @Test
    void nginxFormatWithoutClientIsRefused() {
        InvalidLogException refusal =
                assertThrows(InvalidLogException.class, () -> new NginxFormat("[$time_local] \"$request\"", Set.of()));
        assertEquals(
                "--log-format \"[$time_local] \"$request\"\" contains no client; pass the log_format of the server, with"
                        + " $remote_addr.",
                refusal.getMessage());
    }

    @Test
    void formatIsDetectedFromTheFirstLines() {
        assertEquals(LogFormat.ALB, LogFormat.detect(List.of(ALB), Map.of()));
        assertEquals(
                LogFormat.COMBINED,
                LogFormat.detect(
                        List.of("# comment", "h - - [10/Oct/2000:13:55:36 +0000] \"GET / HTTP/1.0\" 200 1"), Map.of()));
        assertEquals(
                LogFormat.JSON,
                LogFormat.detect(List.of("{\"time\":1700000000,\"ip\":\"192.0.2.1\"}", "torn{"), Map.of()));
        assertEquals(
                LogFormat.RECORDED,
                LogFormat.detect(
                        List.of(
                                "{\"t\":1700000000000000,\"policy\":\"p\",\"key\":\"k\",\"permits\":1,\"outcome\":\"denied\"}"),
                        Map.of()));
        assertEquals(
                LogFormat.CLOUDFRONT,
                LogFormat.detect(List.of("#Fields: date time c-ip", "2026-03-01\t10:00:00\t192.0.2.1"), Map.of()));
        assertNull(LogFormat.detect(List.of("INFO started", "WARN stopped"), Map.of()));
    }

    @Test
    void unknownFormatIsRefusedWithTheKnownOnes() {
        assertEquals(
                "--format elf is unknown; write one of common, recorded, json, cloudfront, alb, combined, or pass the"
                        + " format of nginx with --log-format.",
                assertThrows(InvalidLogException.class, () -> LogFormat.parse("elf"))
                        .getMessage());
        assertEquals(LogFormat.COMBINED, LogFormat.parse("Common"));
        assertEquals(LogFormat.CLOUDFRONT, LogFormat.parse("w3c"));
    }
}
