package io.github.micronautratelimit.web;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.tck.HostileHeaders;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The address of the client is found behind proxies and cannot be forged. */
class ClientAddressTest {

    private static final String LISTED = "X-Forwarded-For";
    private static final String FORWARDED = "Forwarded";
    private static final List<String> PROXIES = List.of("10.0.0.0/8", "2001:db8:ffff::/48");

    @Test
    void corpusOfHostileHeadersIsLarge() {
        assertTrue(
                HostileHeaders.values().size() >= 200,
                () -> HostileHeaders.values().size() + " values");
    }

    static List<String> hostile() {
        return HostileHeaders.values();
    }

    @ParameterizedTest
    @MethodSource("hostile")
    void untrustedPeerCannotChangeItsAddress(String value) {
        for (String header : List.of(LISTED, FORWARDED)) {
            assertEquals("198.51.100.1", address(null, "198.51.100.1", header, value));
            assertEquals("198.51.100.1", address(header, "198.51.100.1", header, value));
            assertEquals("2001:db8:1:2::/64", address(null, "2001:db8:1:2:3:4:5:6", header, value));
        }
    }

    @ParameterizedTest
    @MethodSource("hostile")
    void clientCannotChangeTheAddressThatTheProxyAppends(String value) {
        for (@Nullable String named : Arrays.asList(null, LISTED)) {
            assertEquals("203.0.113.7", address(named, "10.0.0.9", LISTED, value + ", 203.0.113.7"));
            assertEquals("203.0.113.7", address(named, "10.0.0.9", LISTED, value + ",203.0.113.7:8080, 10.2.2.2"));
            assertEquals(
                    "203.0.113.7", address(named, "10.0.0.9", LISTED, value, "203.0.113.7"), "on a line of its own");
        }
        assertEquals("203.0.113.7", address(null, "10.0.0.9", FORWARDED, value + ", for=203.0.113.7;proto=https"));
        assertEquals("203.0.113.7", address(null, "10.0.0.9", FORWARDED, value + ",for=\"203.0.113.7:_x\";by=_y"));
        assertEquals(
                "2001:db8:1:2::/64",
                address(null, "10.0.0.9", FORWARDED, value, "proto=http;For=\"[2001:db8:1:2::7]:80\""));
    }

    @ParameterizedTest
    @MethodSource("hostile")
    void malformedHeaderYieldsAnAddress(String value) throws UnknownHostException {
        for (String header : List.of(LISTED, FORWARDED)) {
            for (TrustedProxies proxies : List.of(TrustedProxies.within(PROXIES), TrustedProxies.hops(2))) {
                String address = of(proxies, null, "10.0.0.9", Map.of(header, List.of(value)));
                InetAddress.getByName(address.replace("/64", ""));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("hostile")
    void headerThatTheProxyDoesNotWriteIsIgnored(String value) throws UnknownHostException {
        Map<String, List<String>> headers = Map.of(LISTED, List.of("203.0.113.7"), FORWARDED, List.of(value));
        assertEquals("203.0.113.7", of(TrustedProxies.within(PROXIES), LISTED, "10.0.0.9", headers));
        String unnamed = of(TrustedProxies.within(PROXIES), null, "10.0.0.9", headers);
        assertTrue(List.of("203.0.113.7", "10.0.0.9").contains(unnamed), unnamed);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "203.0.113.7                                | 203.0.113.7",
                "1.1.1.1, 203.0.113.7, 10.1.1.1             | 203.0.113.7",
                "10.3.3.3, 10.2.2.2                         | 10.3.3.3",
                "203.0.113.7:4711                           | 203.0.113.7",
                "\"203.0.113.7:4711\"                       | 203.0.113.7",
                "::ffff:203.0.113.7                         | 203.0.113.7",
                "[::ffff:cb00:7107]:80                      | 203.0.113.7",
                "64:ff9b::203.0.113.7                       | 203.0.113.7",
                "64:ff9b::cb00:7107                         | 203.0.113.7",
                "203.0.113.7, ::ffff:10.1.1.1               | 203.0.113.7",
                "203.0.113.7, 64:ff9b::10.1.1.1             | 203.0.113.7",
                "203.0.113.7, 2001:db8:ffff:9::1            | 203.0.113.7",
                "2001:db8::1                                | 2001:db8::/64",
                "2001:DB8:0:0:ffff:1:2:3                    | 2001:db8::/64",
                "[2001:db8::1]                              | 2001:db8::/64",
                "[2001:db8::1]:443                          | 2001:db8::/64",
                "fe80::1%eth0                               | fe80::/64",
                "::ffff:0:203.0.113.7                       | 203.0.113.7",
                "[::ffff:0:cb00:7107]:80                    | 203.0.113.7",
                "203.0.113.7, ::ffff:0:10.1.1.1             | 203.0.113.7",
                "64:ff9b:1::203.0.113.7                     | 64:ff9b:1::cb00:7107",
                "64:ff9b:1:cb00:71:700::                    | 64:ff9b:1:cb00:71:700::",
                "64:ff9b:2::1                               | 64:ff9b:2::/64",
                "unknown                                    | 10.0.0.9",
                "203.0.113.7, unknown                       | 10.0.0.9",
                "203.0.113.7, unknown, 10.1.1.1             | 10.1.1.1",
                "010.0.0.1                                  | 10.0.0.9"
            })
    void firstHopFromTheEndThatIsNotAProxyIsTheClient(String value, String address) {
        assertEquals(address, address(null, "10.0.0.9", LISTED, value));
        assertEquals(address, address(LISTED, "10.0.0.9", LISTED, value));
        assertEquals(address, address(null, "::ffff:10.0.0.9", LISTED, value));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "for=203.0.113.7                                            | 203.0.113.7",
                "for=1.1.1.1, for=203.0.113.7;by=10.1.1.1, FOR=\"10.2.2.2\" | 203.0.113.7",
                "by=x;for=\"[2001:db8:a:b::1]:80\";proto=https              | 2001:db8:a:b::/64",
                "for=203.0.113.7;host=\"a, b; for=1.1.1.1\"                 | 203.0.113.7",
                "for=203.0.113.7;host=\"a\\\", for=1.1.1.1\"                | 203.0.113.7",
                "for=203.0.113.7, for=_hidden                               | 10.0.0.9",
                "for=203.0.113.7, for=unknown, for=10.1.1.1                 | 10.1.1.1",
                "for=203.0.113.7;for=1.1.1.1                                | 10.0.0.9",
                "for=203.0.113.7, proto=https                               | 10.0.0.9"
            })
    void forwardedIsParsedByRfc7239(String value, String address) {
        assertEquals(address, address(null, "10.0.0.9", FORWARDED, value));
    }

    @Test
    void allLinesOfAHeaderFormOneList() {
        assertEquals("203.0.113.7", address(null, "10.0.0.9", LISTED, "1.1.1.1", "203.0.113.7, 10.1.1.1", "10.2.2.2"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "1 | 1.1.1.1, 203.0.113.7           | 203.0.113.7",
                "2 | 1.1.1.1, 203.0.113.7, 10.1.1.1 | 203.0.113.7",
                "2 | 203.0.113.7                    | 203.0.113.7",
                "3 | 203.0.113.7, unknown           | 198.51.100.1"
            })
    void numberOfProxiesIsSkippedFromTheEnd(int hops, String value, String address) throws UnknownHostException {
        assertEquals(address, of(TrustedProxies.hops(hops), null, "198.51.100.1", Map.of(LISTED, List.of(value))));
    }

    @ParameterizedTest
    @CsvSource({"128, 2001:db8:1:2:3:4:5:6", "64, 2001:db8:1:2::/64", "56, 2001:db8:1::/56", "48, 2001:db8:1::/48"})
    void ipv6AddressIsGroupedByItsPrefix(int prefix, String address) throws UnknownHostException {
        ClientAddress addresses = new ClientAddress(
                TrustedProxies.none(), null, prefix, new ConfigurationWarnings(List.of("RL001", "RL002", "RL003")));
        assertEquals(address, addresses.of(InetAddress.getByName("2001:db8:1:2:3:4:5:6"), name -> List.of()));
        assertEquals("192.0.2.1", addresses.of(InetAddress.getByName("192.0.2.1"), name -> List.of()));
        assertEquals("192.0.2.1", addresses.of(InetAddress.getByName("64:ff9b::c000:201"), name -> List.of()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "10.0.0.0/33", "10.0.0.0/x", "everybody", "10.*", "10.0.0.1-9", "::/129"})
    void malformedRangeIsRejected(String range) {
        assertEquals(
                "\"" + range + "\" is not a range of addresses; write a range like \"10.0.0.0/8\" or "
                        + "\"2001:db8::/32\", or one address.",
                assertThrows(IllegalArgumentException.class, () -> TrustedProxies.within(List.of(range)))
                        .getMessage());
    }

    @Test
    void clientsOfATranslatorAreNotGrouped() throws UnknownHostException {
        Set<String> keys = new HashSet<>();
        for (String peer : List.of(
                "64:ff9b:1::192.0.2.1",
                "64:ff9b:1::192.0.2.2",
                "64:ff9b:1:c000:2:100::",
                "64:ff9b:1:c000:2:200::",
                "::ffff:0:192.0.2.3",
                "::ffff:0:192.0.2.4")) {
            keys.add(of(TrustedProxies.none(), null, peer, Map.of()));
        }
        assertEquals(6, keys.size(), keys::toString);
        assertTrue(keys.contains("192.0.2.3"), keys::toString);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "null",
            value = {
                "192.0.2.1           | 192.0.2.1",
                "192.0.2.1:80        | 192.0.2.1",
                "::1                 | ::/64",
                "[::1]               | ::/64",
                "0:0:0:0:0:0:0:1     | ::/64",
                "[2001:db8:1:2:0:0:0:7] | 2001:db8:1:2::/64",
                "[2001:db8:1:2::8]:80 | 2001:db8:1:2::/64",
                "2001:db8:1:2::9%eth0 | 2001:db8:1:2::/64",
                "[::ffff:203.0.113.5] | 203.0.113.5",
                "null                | 127.0.0.1",
                "''                  | 127.0.0.1",
                "localhost           | unknown",
                "/run/app.sock       | unknown",
                "@                   | unknown"
            })
    void peerMayBeWrittenInAnyWay(@Nullable String peer, String address) {
        ClientAddress addresses =
                new ClientAddress(TrustedProxies.none(), null, 64, new ConfigurationWarnings(List.of()));
        assertEquals(address, addresses.of(peer, name -> List.of()));
    }

    @Test
    void peerInBracketsIsATrustedProxy() {
        ClientAddress addresses = new ClientAddress(
                TrustedProxies.within(List.of("2001:db8:ffff::/48")), null, 64, new ConfigurationWarnings(List.of()));
        Function<String, List<String>> headers = name -> name.equals(LISTED) ? List.of("203.0.113.7") : List.of();
        assertEquals("203.0.113.7", addresses.of("[2001:db8:ffff:0:0:0:0:1]", headers));
        assertEquals("203.0.113.7", addresses.of("[2001:db8:ffff::1]:4711", headers));
        assertEquals("2001:db8:aaaa::/64", addresses.of("[2001:db8:aaaa:0:0:0:0:1]", headers));
    }

    @Test
    void peerOfAUnixSocketCountsAsThisMachine() {
        Function<String, List<String>> headers =
                name -> name.equals(LISTED) ? List.of("6.6.6.6, 203.0.113.7") : List.of();
        try (WarningLog log = new WarningLog()) {
            assertEquals("203.0.113.7", unix(TrustedProxies.hops(1), headers));
            assertEquals("203.0.113.7", unix(TrustedProxies.within(List.of("127.0.0.0/8")), headers));
            assertEquals("127.0.0.1", unix(TrustedProxies.within(PROXIES), headers));
            assertEquals(List.of(), log.codes());
            assertEquals("127.0.0.1", unix(TrustedProxies.hops(1), name -> List.of()));
            assertEquals("127.0.0.1", unix(TrustedProxies.none(), name -> List.of()));
            assertEquals(List.of("RL003", "RL030"), log.codes());
        }
    }

    @Test
    void peerThatIsNoAddressIsTrustedOnlyByNumber() {
        Function<String, List<String>> headers = name -> name.equals(LISTED) ? List.of("203.0.113.7") : List.of();
        for (String peer : List.of("localhost", "@", "unknown")) {
            assertEquals(
                    "unknown",
                    new ClientAddress(
                                    TrustedProxies.within(List.of("0.0.0.0/0", "::/0")),
                                    null,
                                    64,
                                    new ConfigurationWarnings(List.of()))
                            .of(peer, headers));
            assertEquals(
                    "203.0.113.7",
                    new ClientAddress(TrustedProxies.hops(1), null, 64, new ConfigurationWarnings(List.of()))
                            .of(peer, headers));
        }
    }

    private static String unix(TrustedProxies proxies, Function<String, List<String>> headers) {
        return new ClientAddress(proxies, null, 64, new ConfigurationWarnings(List.of())).of((String) null, headers);
    }

    @Test
    void uncountedProxyIsNoticed() {
        for (TrustedProxies proxies : List.of(TrustedProxies.hops(1), TrustedProxies.within(PROXIES))) {
            try (WarningLog log = new WarningLog()) {
                ClientAddress addresses = new ClientAddress(proxies, null, 64, new ConfigurationWarnings(List.of()));
                for (int i = 0; i < 200; i++) {
                    String clients = "203.0." + i + ".7, 198.51.100.1";
                    assertEquals("198.51.100.1", ofPeer(addresses, clients));
                }
                assertEquals(List.of("RL031"), log.codes());
                assertTrue(
                        log.lines().stream().noneMatch(line -> line.matches(".*\\d+\\.\\d+\\.\\d+.*")), "no address");
            }
            try (WarningLog log = new WarningLog()) {
                ClientAddress addresses = new ClientAddress(proxies, null, 64, new ConfigurationWarnings(List.of()));
                assertEquals("172.16.0.1", ofPeer(addresses, "203.0.113.1, 172.16.0.1"));
                assertEquals(List.of("RL031"), log.codes());
            }
        }
    }

    @Test
    void rightNumberOfProxiesIsNotSuspicious() {
        try (WarningLog log = new WarningLog()) {
            ClientAddress addresses =
                    new ClientAddress(TrustedProxies.hops(1), null, 64, new ConfigurationWarnings(List.of()));
            for (int i = 0; i < 20_000; i++) {
                String client = "203." + i / 250 + "." + i % 250 + ".7";
                assertEquals(client, ofPeer(addresses, client));
                assertEquals(client, ofPeer(addresses, "192.0.2." + i % 3 + ", " + client), "with a hop of its own");
            }
            assertEquals("10.2.2.2", ofPeer(addresses, "10.1.1.1, 10.2.2.2"));
            assertEquals("203.0.113.7", ofPeer(addresses, "unknown, 203.0.113.7"));
            assertEquals(List.of(), log.codes());
        }
    }

    @Test
    void proxyThatDoesNotExistIsNoticed() {
        try (WarningLog log = new WarningLog()) {
            ClientAddress addresses =
                    new ClientAddress(TrustedProxies.hops(2), null, 64, new ConfigurationWarnings(List.of()));
            assertEquals("203.0.113.7", ofPeer(addresses, "203.0.113.7, 10.1.1.1"));
            assertEquals(List.of(), log.codes());
            assertEquals("203.0.113.7", ofPeer(addresses, "203.0.113.7"));
            assertEquals(List.of("RL032"), log.codes());
        }
    }

    private static String ofPeer(ClientAddress addresses, String listed) {
        return addresses.of("10.0.0.9", name -> name.equals(LISTED) ? List.of(listed) : List.of());
    }

    @ParameterizedTest
    @CsvSource({
        "10.1.2.3/8, 10.9.9.9",
        "10.0.0.9, 10.0.0.9",
        "::ffff:10.0.0.0/104, 10.3.4.5",
        "64:ff9b::10.0.0.0/104, 10.3.4.5",
        "10.0.0.0/8, ::ffff:0:10.3.4.5",
        "64:ff9b:1::/48, 64:ff9b:1::10.3.4.5",
        "2001:db8:ffff::1/48, 2001:db8:ffff:1::2"
    })
    void rangeMayHaveAnyNotation(String range, String peer) throws UnknownHostException {
        assertEquals(
                "203.0.113.7",
                of(TrustedProxies.within(List.of(range)), null, peer, Map.of(LISTED, List.of("203.0.113.7"))));
    }

    private static String address(@Nullable String named, String peer, String header, String... lines) {
        try {
            return of(TrustedProxies.within(PROXIES), named, peer, Map.of(header, List.of(lines)));
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException(e);
        }
    }

    private static String of(
            TrustedProxies proxies, @Nullable String named, String peer, Map<String, List<String>> headers)
            throws UnknownHostException {
        return new ClientAddress(
                        proxies,
                        named,
                        64,
                        new ConfigurationWarnings(List.of("RL001", "RL002", "RL003", "RL031", "RL032")))
                .of(InetAddress.getByName(peer), name -> headers.getOrDefault(name, List.of()));
    }
}
