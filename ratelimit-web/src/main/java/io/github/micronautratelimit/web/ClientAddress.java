package io.github.micronautratelimit.web;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

import org.jspecify.annotations.Nullable;

import inet.ipaddr.IPAddress;

/**
 * Says which address a request came from. It is that of the connection, unless a trusted proxy holds its other end: then
 * the forwarding header is walked from its end to the first hop that is no trusted proxy.
 *
 * <p>Both {@code Forwarded} (RFC 7239) and {@code X-Forwarded-For} are understood. If a request carries both and they
 * disagree, a client may have written one of them, and neither is believed: the proxy's own address stands, until the
 * header that the proxy writes is named.
 *
 * <p>An IPv6 address is grouped with the others of its prefix, since whoever has one has them all. Safe for use by any
 * number of threads.
 */
public final class ClientAddress {

    private static final String FORWARDED = "Forwarded";
    private static final String X_FORWARDED_FOR = "X-Forwarded-For";
    private static final int IPV6_BITS = 128;
    private static final int SHORTEST_PREFIX = 16;

    private final TrustedProxies proxies;
    private final @Nullable String header;
    private final int ipv6Prefix;
    private final SetupWarnings warnings;
    private volatile boolean looksForForwarded;

    /**
     * A way to find addresses.
     *
     * @param proxies    who is believed
     * @param header     the one header that the proxies write: {@code Forwarded}, {@code X-Forwarded-For} or one with
     *                   addresses like it; {@code null} to read both
     * @param ipv6Prefix the bits of an IPv6 address that tell clients apart, 16 to 128
     * @param warnings   told of a set-up that cannot be right
     * @throws IllegalArgumentException if the prefix is out of range
     */
    public ClientAddress(TrustedProxies proxies, @Nullable String header, int ipv6Prefix, SetupWarnings warnings) {
        if (ipv6Prefix < SHORTEST_PREFIX || ipv6Prefix > IPV6_BITS) {
            throw new IllegalArgumentException(
                    ipv6Prefix + " is no length of an IPv6 prefix from 16 to 128; write one like 64.");
        }
        this.proxies = proxies;
        this.header = header;
        this.ipv6Prefix = ipv6Prefix;
        this.warnings = warnings;
        this.looksForForwarded = warnings.isOpen(SetupWarning.FORWARDED_IGNORED);
        if (proxies.areAll()) {
            warnings.warn(SetupWarning.EVERYBODY_IS_A_PROXY);
        }
    }

    /**
     * The client's address.
     *
     * @param peer    the other end of the connection
     * @param headers gives all lines of a header by its name, in order; empty if there are none
     * @return an IPv4 address, or an IPv6 address or prefix, in one spelling
     */
    public String of(InetAddress peer, Function<String, List<String>> headers) {
        if (proxies.isNone()) {
            if (looksForForwarded && isForwarded(headers)) {
                looksForForwarded = false;
                warnings.warn(SetupWarning.FORWARDED_IGNORED);
            }
            return peer instanceof Inet4Address ? peer.getHostAddress() : text(Addresses.of(peer));
        }
        IPAddress address = Addresses.of(peer);
        return text(proxies.believes(address) ? proxies.client(address, hops(headers)) : address);
    }

    /**
     * The client's address, on a server that knows addresses as texts.
     *
     * @param peer    the other end of the connection
     * @param headers gives all lines of a header by its name, in order; empty if there are none
     * @return an IPv4 address, or an IPv6 address or prefix, in one spelling; the text itself if it is no address
     */
    public String of(String peer, Function<String, List<String>> headers) {
        IPAddress address = Addresses.parse(peer);
        return address == null ? peer : of(address.toInetAddress(), headers);
    }

    /**
     * An address as it stands in keys.
     *
     * @param address an address in any spelling, or a range of IPv6 addresses that are not told apart
     * @return its one spelling, or that of its IPv6 prefix; {@code null} if the text is neither
     */
    public @Nullable String spelled(String address) {
        IPAddress parsed = Addresses.parse(address);
        if (parsed == null) {
            IPAddress range = Addresses.parseRange(address);
            parsed = range != null && range.isIPv6() && Integer.valueOf(ipv6Prefix).equals(range.getPrefixLength())
                    ? range : null;
        }
        return parsed == null ? null : text(parsed);
    }

    private String text(IPAddress address) {
        return Addresses.text(address, ipv6Prefix);
    }

    private static boolean isForwarded(Function<String, List<String>> headers) {
        return !headers.apply(X_FORWARDED_FOR).isEmpty() || !headers.apply(FORWARDED).isEmpty();
    }

    private List<@Nullable IPAddress> hops(Function<String, List<String>> headers) {
        if (header != null) {
            List<String> lines = headers.apply(header);
            return noticed(header.toLowerCase(Locale.ROOT).equals("forwarded")
                    ? ForwardedHops.ofForwarded(lines) : ForwardedHops.ofAddresses(lines));
        }
        List<@Nullable IPAddress> listed = ForwardedHops.ofAddresses(headers.apply(X_FORWARDED_FOR));
        List<@Nullable IPAddress> forwarded = ForwardedHops.ofForwarded(headers.apply(FORWARDED));
        if (!listed.isEmpty() && !forwarded.isEmpty() && !listed.equals(forwarded)) {
            warnings.warn(SetupWarning.HEADERS_DISAGREE);
            return List.of();
        }
        return noticed(listed.isEmpty() ? forwarded : listed);
    }

    private List<@Nullable IPAddress> noticed(List<@Nullable IPAddress> hops) {
        if (hops.isEmpty()) {
            warnings.warn(SetupWarning.PROXY_NAMES_NOBODY);
        }
        return hops;
    }
}
