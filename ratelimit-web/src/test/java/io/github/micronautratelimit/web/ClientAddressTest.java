package io.github.micronautratelimit.web;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.github.micronautratelimit.tck.HostileHeaders;

/** Whose address counts, and that a client has no say in it. */
class ClientAddressTest {

    private static final String LISTED = "X-Forwarded-For";
    private static final String FORWARDED = "Forwarded";
    private static final List<String> PROXIES = List.of("10.0.0.0/8", "2001:db8:ffff::/48");

    @Test
    void theCorpusIsLarge() {
        assertTrue(HostileHeaders.values().size() >= 200, () -> HostileHeaders.values().size() + " values");
    }

    static List<String> hostile() {
        return HostileHeaders.values();
    }

    @ParameterizedTest
    @MethodSource("hostile")
    void nothingAClientWritesChangesTheAddressOfAPeerThatIsNotTrusted(String value) {
        for (String header : List.of(LISTED, FORWARDED)) {
            assertEquals("198.51.100.1", address(null, "198.51.100.1", header, value));
            assertEquals("198.51.100.1", address(header, "198.51.100.1", header, value));
            assertEquals("2001:db8:1:2::/64", address(null, "2001:db8:1:2:3:4:5:6", header, value));
        }
    }

    @ParameterizedTest
    @MethodSource("hostile")
    void nothingAClientWritesChangesWhatTheProxyHasAppended(String value) {
        for (@Nullable String named : Arrays.asList(null, LISTED)) {
            assertEquals("203.0.113.7", address(named, "10.0.0.9", LISTED, value + ", 203.0.113.7"));
            assertEquals("203.0.113.7", address(named, "10.0.0.9", LISTED, value + ",203.0.113.7:8080, 10.2.2.2"));
            assertEquals("203.0.113.7", address(named, "10.0.0.9", LISTED, value, "203.0.113.7"), "on a line of its own");
        }
        assertEquals("203.0.113.7", address(null, "10.0.0.9", FORWARDED, value + ", for=203.0.113.7;proto=https"));
        assertEquals("203.0.113.7", address(null, "10.0.0.9", FORWARDED, value + ",for=\"203.0.113.7:_x\";by=_y"));
        assertEquals("2001:db8:1:2::/64",
                address(null, "10.0.0.9", FORWARDED, value, "proto=http;For=\"[2001:db8:1:2::7]:80\""));
    }

    @ParameterizedTest
    @MethodSource("hostile")
    void aProxyThatPassesNonsenseOnIsAnsweredWithAnAddress(String value) throws UnknownHostException {
        for (String header : List.of(LISTED, FORWARDED)) {
            for (TrustedProxies proxies : List.of(TrustedProxies.within(PROXIES), TrustedProxies.hops(2))) {
                String address = of(proxies, null, "10.0.0.9", Map.of(header, List.of(value)));
                InetAddress.getByName(address.replace("/64", ""));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("hostile")
    void theHeaderTheProxyDoesNotWriteIsNotBelieved(String value) throws UnknownHostException {
        Map<String, List<String>> headers = Map.of(LISTED, List.of("203.0.113.7"), FORWARDED, List.of(value));
        assertEquals("203.0.113.7", of(TrustedProxies.within(PROXIES), LISTED, "10.0.0.9", headers));
        String unnamed = of(TrustedProxies.within(PROXIES), null, "10.0.0.9", headers);
        assertTrue(List.of("203.0.113.7", "10.0.0.9").contains(unnamed), unnamed);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
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
        "unknown                                    | 10.0.0.9",
        "203.0.113.7, unknown                       | 10.0.0.9",
        "203.0.113.7, unknown, 10.1.1.1             | 10.1.1.1",
        "010.0.0.1                                  | 10.0.0.9"
    })
    void theListIsWalkedFromItsEndToTheFirstHopThatIsNoProxy(String value, String address) {
        assertEquals(address, address(null, "10.0.0.9", LISTED, value));
        assertEquals(address, address(LISTED, "10.0.0.9", LISTED, value));
        assertEquals(address, address(null, "::ffff:10.0.0.9", LISTED, value));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
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
    void forwardedIsReadAsRfc7239HasIt(String value, String address) {
        assertEquals(address, address(null, "10.0.0.9", FORWARDED, value));
    }

    @Test
    void allLinesOfAHeaderAreOneList() {
        assertEquals("203.0.113.7", address(null, "10.0.0.9", LISTED, "1.1.1.1", "203.0.113.7, 10.1.1.1", "10.2.2.2"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "1 | 1.1.1.1, 203.0.113.7           | 203.0.113.7",
        "2 | 1.1.1.1, 203.0.113.7, 10.1.1.1 | 203.0.113.7",
        "2 | 203.0.113.7                    | 203.0.113.7",
        "3 | 203.0.113.7, unknown           | 198.51.100.1"
    })
    void aNumberOfProxiesIsWalkedWhateverTheirAddresses(int hops, String value, String address)
            throws UnknownHostException {
        assertEquals(address, of(TrustedProxies.hops(hops), null, "198.51.100.1", Map.of(LISTED, List.of(value))));
    }

    @ParameterizedTest
    @CsvSource({"128, 2001:db8:1:2:3:4:5:6", "64, 2001:db8:1:2::/64", "56, 2001:db8:1::/56", "48, 2001:db8:1::/48"})
    void anIpv6AddressIsGroupedByItsPrefix(int prefix, String address) throws UnknownHostException {
        ClientAddress addresses =
                new ClientAddress(TrustedProxies.none(), null, prefix, new SetupWarnings(List.of("RL001", "RL002", "RL003")));
        assertEquals(address, addresses.of(InetAddress.getByName("2001:db8:1:2:3:4:5:6"), name -> List.of()));
        assertEquals("192.0.2.1", addresses.of(InetAddress.getByName("192.0.2.1"), name -> List.of()));
        assertEquals("192.0.2.1", addresses.of(InetAddress.getByName("64:ff9b::c000:201"), name -> List.of()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "10.0.0.0/33", "10.0.0.0/x", "everybody", "10.*", "10.0.0.1-9", "::/129"})
    void aRangeThatIsNoneIsRefused(String range) {
        assertEquals("\"" + range + "\" is no range of addresses; write a range like \"10.0.0.0/8\" or "
                        + "\"2001:db8::/32\", or one address.",
                assertThrows(IllegalArgumentException.class, () -> TrustedProxies.within(List.of(range))).getMessage());
    }

    @ParameterizedTest
    @CsvSource({"10.1.2.3/8, 10.9.9.9", "10.0.0.9, 10.0.0.9", "::ffff:10.0.0.0/104, 10.3.4.5",
        "2001:db8:ffff::1/48, 2001:db8:ffff:1::2"})
    void aRangeMayBeWrittenInAnyWay(String range, String peer) throws UnknownHostException {
        assertEquals("203.0.113.7", of(TrustedProxies.within(List.of(range)), null, peer,
                Map.of(LISTED, List.of("203.0.113.7"))));
    }

    private static String address(@Nullable String named, String peer, String header, String... lines) {
        try {
            return of(TrustedProxies.within(PROXIES), named, peer, Map.of(header, List.of(lines)));
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException(e);
        }
    }

    private static String of(TrustedProxies proxies, @Nullable String named, String peer,
                             Map<String, List<String>> headers) throws UnknownHostException {
        return new ClientAddress(proxies, named, 64, new SetupWarnings(List.of("RL001", "RL002", "RL003")))
                .of(InetAddress.getByName(peer), name -> headers.getOrDefault(name, List.of()));
    }
}
