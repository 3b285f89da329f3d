package io.github.micronautratelimit.web;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.KeyHash;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Keys of requests: values of different placeholders never share a key, and one value has one key. */
class RequestKeysTest {

    private static final String HEADER = "eyJhbGciOiJIUzI1NiJ9";
    private static final String PAYLOAD = "eyJzdWIiOiJhbGljZSJ9";
    /** 43 characters of 32 bytes: two bits of the last one are not needed. */
    private static final String SIGNATURE = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    private static final String TOKEN = HEADER + "." + PAYLOAD + "." + SIGNATURE;

    private final RequestKeys keys = new RequestKeys();

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{ip}",
                "{principal}",
                "{api-key}",
                "{header:X-Tenant}",
                "{header:X-Other}",
                "{cookie:tenant}",
                "{query:tenant}",
                "{path:tenant}",
                "{bean:tenant}",
                "{bean:other}",
                "{connection}"
            })
    void valueOfOnePlaceholderNeverHasTheKeyOfAnother(String text) {
        for (String value : List.of("198.51.100.7", "alice", "", "tenant", "{ip}198.51.100.7", "@198.51.100.7", "=")) {
            String key = key(text, value);
            for (String other : List.of(
                    "{ip}",
                    "{principal}",
                    "{api-key}",
                    "{header:X-Tenant}",
                    "{header:X-Other}",
                    "{cookie:tenant}",
                    "{query:tenant}",
                    "{path:tenant}",
                    "{bean:tenant}",
                    "{bean:other}",
                    "{connection}",
                    "{ip}{header:X-Tenant}",
                    "{header:X-Tenant}{ip}")) {
                for (String imitated : imitations(value, key)) {
                    boolean missing = value.isEmpty() || imitated.isEmpty();
                    if (!other.equals(text) && !missing) {
                        assertNotEquals(key, key(other, imitated), () -> text + " and " + other + " of " + imitated);
                    }
                }
            }
            if (!text.startsWith("{principal")) {
                assertNotEquals(
                        key, RequestKeys.key(value), "the name of a user and a value of an expression are plain");
            }
        }
    }

    /** Texts that a client may send to get the key of somebody else. */
    private static List<String> imitations(String value, String key) {
        return List.of(value, key, "=" + key, "@" + value, key.substring(Math.min(1, key.length())));
    }

    @Test
    void partsOfACombinedKeyKeepTheirKinds() {
        Values request = new Values("198.51.100.7", Map.of("A", List.of("x"), "B", List.of("198.51.100.7")));
        assertNotEquals(
                keys.keyOf(KeyTemplate.parse("{header:A}/{ip}"), request),
                keys.keyOf(KeyTemplate.parse("{header:A}/{header:B}"), request));
        assertNotEquals(
                keys.keyOf(KeyTemplate.parse("{header:A}{header:B}"), request),
                keys.keyOf(
                        KeyTemplate.parse("{header:A}"),
                        new Values("1", Map.of("A", List.of("1:x{header:b}12:198.51.100.7")))));
    }

    @ParameterizedTest
    @CsvSource({
        "{principal}, {principal-or-ip}",
        "{api-key}, {header:x-api-key}",
        "{header:X-Tenant}, {header:x-tenant}",
    })
    void templatesForTheSameValueShareItsKey(String one, String other) {
        assertEquals(key(one, "alice"), key(other, "alice"));
    }

    @Test
    void keyOfAUserIsTheNameAndValuesLoseTheirMarks() {
        assertEquals("alice", key("{principal}", "alice"));
        for (String text : List.of("{ip}", "{principal}", "{header:X-Tenant}", "{bean:tenant}", "{path:tenant}")) {
            assertEquals("198.51.100.7", RequestKeys.value(key(text, "198.51.100.7")), text);
        }
        assertEquals("alice", RequestKeys.value(RequestKeys.key("alice")));
        assertNotEquals("198.51.100.7", RequestKeys.value(RequestKeys.addressKey("198.51.100.7")));
        assertNotEquals("198.51.100.7", RequestKeys.value(key("{principal}", "{ip}198.51.100.7")));
    }

    static List<String> spellings() {
        List<String> spellings = new ArrayList<>(List.of(
                "Bearer " + TOKEN,
                "bearer " + TOKEN,
                "BEARER  " + TOKEN + " ",
                "Bearer\t" + TOKEN,
                " Bearer " + TOKEN,
                "Bearer " + TOKEN + "=",
                "Bearer " + TOKEN.replace('-', '+').replace('_', '/'),
                "Bearer " + HEADER + ".*" + PAYLOAD + "." + SIGNATURE,
                "Bearer " + HEADER + "." + PAYLOAD + ". " + SIGNATURE,
                "Bearer " + TOKEN.substring(0, 30) + "*" + TOKEN.substring(30),
                "Bearer *" + TOKEN,
                "Bearer " + TOKEN + "\u00e9"));
        for (char last : "klmn".toCharArray()) {
            spellings.add("Bearer " + TOKEN.substring(0, TOKEN.length() - 1) + last);
        }
        return spellings;
    }

    @Test
    void acceptedSpellingsOfATokenAreOneKey() {
        String expected = "{bearer-token}" + KeyHash.of(TOKEN);
        for (String spelling : spellings()) {
            assertEquals(expected, bearer(spelling), spelling);
        }
        assertEquals(expected, bearer("Basic YTpi", "Bearer " + TOKEN), "on a second line");
        String other = HEADER + "." + PAYLOAD + "." + "e" + SIGNATURE.substring(1);
        assertNotEquals(expected, bearer("Bearer " + other), "another signature");
        assertNotEquals(expected, bearer("Bearer " + HEADER + "." + PAYLOAD + "."), "no signature");
        assertNotEquals(expected, bearer("Bearer " + SIGNATURE), "no token in three parts");
    }

    @ParameterizedTest
    @ValueSource(strings = {"a.b.c", "v1.public.AbC", "a.b", "....", "a..b", "key-1.2.3", "e.f.g"})
    void opaqueTokenIsNotChanged(String token) {
        assertEquals("{bearer-token}" + KeyHash.of(token), bearer("Bearer " + token));
        assertNotEquals(bearer("Bearer " + token), bearer("Bearer " + token + "="));
    }

    @Test
    void spellingsOfATokenInACookieOrHeaderAreOneKey() {
        for (String template : List.of("{cookie:tenant}", "{header:X-Tenant}", "{query:tenant}", "{api-key}")) {
            assertEquals(key(template, TOKEN), key(template, TOKEN + "="), template);
            assertNotEquals(key(template, "opaque"), key(template, "opaque="), template);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"{header:X-Tenant}", "{cookie:tenant}", "{query:tenant}"})
    void emptyValueBeforeTheValueDoesNotChangeTheKey(String template) {
        KeyTemplate parsed = KeyTemplate.parse(template);
        Values empty = new Values("198.51.100.7", Map.of("X-Tenant", List.of("", "acme")));
        assertEquals(key(template, "acme"), keys.keyOf(parsed, empty));
        assertEquals(
                key(template, "acme"),
                keys.keyOf(parsed, new Values("198.51.100.7", Map.of("X-Tenant", List.of("acme", "other")))));
        assertEquals(
                "@198.51.100.7", keys.keyOf(parsed, new Values("198.51.100.7", Map.of("X-Tenant", List.of("", "")))));
    }

    @ParameterizedTest
    @CsvSource({
        "2001:db8:1:2::/64, {ip:48}, {ip:48}2001:db8:1::/48",
        "2001:db8:1:2::/64, {ip:56}, {ip:56}2001:db8:1::/56",
        "2001:db8:1:2::3, {ip:64}, {ip:64}2001:db8:1:2::/64",
        "2001:db8:1::/48, {ip:56}, {ip:56}2001:db8:1::/48",
        "64:ff9b:1::c000:201, {ip:48}, {ip:48}64:ff9b:1::c000:201",
        "192.0.2.1, {ip:48}, {ip:48}192.0.2.1",
        "unknown, {ip:48}, {ip:48}unknown"
    })
    void addressesOfOneRangeAreOneKey(String address, String template, String key) {
        assertEquals(key, keys.keyOf(KeyTemplate.parse(template), new Values(address, Map.of())));
    }

    @ParameterizedTest
    @ValueSource(strings = {"{ip:}", "{ip:15}", "{ip:65}", "{ip:128}", "{ip:/48}", "{ip:-48}", "{ip:048}", "{ip:x}"})
    void lengthOfRangeMustBeThatOfIpv6Prefix(String template) {
        String message = assertThrows(IllegalArgumentException.class, () -> KeyTemplate.parse(template))
                .getMessage();
        assertTrue(message.contains(" needs the length of an IPv6 prefix from 16 to 64 "), message);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"{header:X Tenant}", "{header:X-Tenant:}", "{header:\u00c4}", "{cookie:a;b}", "{cookie:a=b}"})
    void nameThatNoHeaderOrCookieHasIsRejected(String template) {
        String message = assertThrows(IllegalArgumentException.class, () -> KeyTemplate.parse(template))
                .getMessage();
        assertTrue(message.startsWith("\"" + template + "\": " + template + " has a name that no "), message);
    }

    @Test
    void rolesAndClaimsHaveMarksAndRolesAreSorted() {
        record User(List<String> roles, @Nullable String tenant) implements WebRequest {

            @Override
            public String address() {
                return "192.0.2.1";
            }

            @Override
            public @Nullable String claim(String name) {
                return name.equals("tenant") ? tenant : null;
            }
        }
        KeyTemplate role = KeyTemplate.parse("{role}");
        KeyTemplate claim = KeyTemplate.parse("{claim:tenant}");
        assertEquals("{role}gold,staff", keys.keyOf(role, new User(List.of("staff", "gold"), null)));
        assertEquals("@192.0.2.1", keys.keyOf(role, new User(List.of(), null)));
        assertEquals("{claim:tenant}acme", keys.keyOf(claim, new User(List.of(), "acme")));
        assertEquals("@192.0.2.1", keys.keyOf(claim, new User(List.of(), null)));
        assertEquals("@192.0.2.1", keys.keyOf(claim, new User(List.of(), "")));
        assertEquals("@192.0.2.1", keys.keyOf(KeyTemplate.parse("{claim:other}"), new User(List.of(), "acme")));
        assertEquals(
                "=2{role}4:gold{ip}9:192.0.2.1",
                keys.keyOf(KeyTemplate.parse("{role}{ip}"), new User(List.of("gold"), null)));
    }

    private String bearer(String... lines) {
        return keys.keyOf(
                KeyTemplate.parse("{bearer-token}"), new Values("192.0.2.1", Map.of("Authorization", List.of(lines))));
    }

    private String key(String template, String value) {
        return keys.keyOf(KeyTemplate.parse(template), new Everywhere(value));
    }

    /** A request that has one value everywhere. */
    private record Everywhere(String value) implements WebRequest {

        @Override
        public String address() {
            return value;
        }

        @Override
        public String userName() {
            return value;
        }

        @Override
        public String header(String name) {
            return value;
        }

        @Override
        public String cookie(String name) {
            return value;
        }

        @Override
        public String query(String name) {
            return value;
        }

        @Override
        public String pathVariable(String name) {
            return value;
        }

        @Override
        public String connection() {
            return value;
        }

        @Override
        public String custom(String name) {
            return value;
        }
    }

    /** A request with headers; the values of X-Tenant are also those of every cookie and parameter. */
    private record Values(String address, Map<String, List<String>> headers) implements WebRequest {

        private static @Nullable String first(List<String> values) {
            return values.isEmpty() ? null : values.get(0);
        }

        @Override
        public @Nullable String header(String name) {
            return first(headerLines(name));
        }

        @Override
        public List<String> headerLines(String name) {
            return new HashMap<>(headers).getOrDefault(name, List.of());
        }

        @Override
        public @Nullable String cookie(String name) {
            return first(cookieValues(name));
        }

        @Override
        public List<String> cookieValues(String name) {
            return headerLines("X-Tenant");
        }

        @Override
        public @Nullable String query(String name) {
            return first(queryValues(name));
        }

        @Override
        public List<String> queryValues(String name) {
            return headerLines("X-Tenant");
        }
    }
}
