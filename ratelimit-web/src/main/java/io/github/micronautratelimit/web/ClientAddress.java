package io.github.micronautratelimit.web;

import inet.ipaddr.IPAddress;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Finds the address of the client of a request. It is the address of the connection. If the peer of the connection is a
 * trusted proxy, the forwarding header is read from its end, and the first hop that is not a trusted proxy is the
 * client.
 *
 * <p>Both {@code Forwarded} (RFC 7239) and {@code X-Forwarded-For} are supported. If a request has both and they
 * disagree, the client may have forged one of them. Then neither is used, and the address of the proxy counts until the
 * header of the proxy is configured.
 *
 * <p>A connection may have no address, as over a UNIX socket. Its peer is a process on this machine and counts as
 * {@code 127.0.0.1}, which may be a trusted proxy.
 *
 * <p>IPv6 addresses are grouped by prefix, because a client usually has all addresses of its prefix. Safe for use by
 * any number of threads.
 */
public final class ClientAddress {

    /** Replaces an address that the server states in a form that is not an address. It is never a trusted proxy. */
    public static final String UNKNOWN = "unknown";

    private static final String FORWARDED = "Forwarded";
    private static final String X_FORWARDED_FOR = "X-Forwarded-For";
    private static final byte[] LOOPBACK = {127, 0, 0, 1};
    private static final String LOOPBACK_TEXT = "127.0.0.1";
    private static final int IPV6_BITS = 128;
    private static final int SHORTEST_PREFIX = 16;

    private final TrustedProxies proxies;
    private final @Nullable String header;
    private final int ipv6Prefix;
    private final ConfigurationWarnings warnings;
    private final ProxyCheck check;
    private volatile boolean looksForForwarded;

    /**
     * Creates a resolver of addresses.
     *
     * @param proxies    the proxies whose headers are used
     * @param header     the only header that the proxies write: {@code Forwarded}, {@code X-Forwarded-For} or another
     *                   one in the format of the latter; {@code null} to read both
     * @param ipv6Prefix the length of the prefix that identifies an IPv6 client, in bits, 16 to 128
     * @param warnings   logs misconfigurations
     * @throws IllegalArgumentException if the prefix is out of range, or no header can have the name
     */
    public ClientAddress(
            TrustedProxies proxies, @Nullable String header, int ipv6Prefix, ConfigurationWarnings warnings) {
        if (ipv6Prefix < SHORTEST_PREFIX || ipv6Prefix > IPV6_BITS) {
            throw new IllegalArgumentException(
                    "The IPv6 prefix length is " + ipv6Prefix + "; write 16 to 128, for example 64.");
        }
        if (header != null) {
            requireHeader(header);
        }
        this.proxies = proxies;
        this.header = header;
        this.ipv6Prefix = ipv6Prefix;
        this.warnings = warnings;
        this.check = new ProxyCheck(proxies, warnings);
        this.looksForForwarded = warnings.isPending(ConfigurationWarning.FORWARDED_IGNORED);
        if (proxies.areAll()) {
            warnings.warn(ConfigurationWarning.ALL_ADDRESSES_TRUSTED);
        }
        if (header != null && proxies.isNone()) {
            warnings.warn(ConfigurationWarning.SERVER_HEADER_IGNORED, "The forwarding header " + header);
        }
    }

    /**
     * Rejects a forwarding header that no request can have.
     *
     * @param name the name
     * @throws IllegalArgumentException if it is not the name of a header (RFC 9110, 5.1)
     */
    public static void requireHeader(String name) {
        if (!KeyTemplate.TOKEN.matcher(name).matches()) {
            throw new IllegalArgumentException("The forwarding header is \"" + name
                    + "\", which is not the name of a header; write one such as X-Real-IP.");
        }
    }

    /**
     * Returns the address of the client.
     *
     * @param peer    the peer of the connection; {@code null} if it has no address
     * @param headers returns all lines of a header by its name, in order; empty if there are none
     * @return an IPv4 address, or an IPv6 address or prefix, in canonical form
     */
    public String of(@Nullable InetAddress peer, Function<String, List<String>> headers) {
        if (peer == null && proxies.isNone()) {
            warnings.warn(ConfigurationWarning.ADDRESS_MISSING);
        }
        if (proxies.isNone()) {
            warnIfForwarded(headers);
            // Without proxies and IPv6, the library of addresses is never loaded.
            if (peer == null || peer instanceof Inet4Address) {
                return peer == null ? LOOPBACK_TEXT : peer.getHostAddress();
            }
            return text(Addresses.of(peer));
        }
        IPAddress address = peer == null ? Addresses.of(LOOPBACK) : Addresses.of(peer);
        return text(proxies.trusts(address) ? forwarded(address, headers) : address);
    }

    /**
     * Returns the address of the client, for a server that represents addresses as text.
     *
     * @param peer    the peer of the connection, also with brackets or a port; {@code null} or empty if it has no
     *                address
     * @param headers returns all lines of a header by its name, in order; empty if there are none
     * @return an IPv4 address, or an IPv6 address or prefix, in canonical form; {@link #UNKNOWN} if the text of the
     *         peer is not an address and no counted proxy states one
     */
    public String of(@Nullable String peer, Function<String, List<String>> headers) {
        if (peer == null || peer.isBlank()) {
            return of((InetAddress) null, headers);
        }
        IPAddress address = ForwardedHops.node(peer.strip());
        if (address != null) {
            return of(address.toInetAddress(), headers);
        }
        IPAddress loopback = Addresses.of(LOOPBACK);
        IPAddress client = proxies.hops() == 0 ? loopback : forwarded(loopback, headers);
        if (client.equals(loopback)) {
            warnings.warn(ConfigurationWarning.ADDRESS_MISSING);
            return UNKNOWN;
        }
        return text(client);
    }

    private void warnIfForwarded(Function<String, List<String>> headers) {
        if (looksForForwarded && isForwarded(headers)) {
            looksForForwarded = false;
            warnings.warn(ConfigurationWarning.FORWARDED_IGNORED);
        }
    }

    private IPAddress forwarded(IPAddress peer, Function<String, List<String>> headers) {
        List<@Nullable IPAddress> hops = hops(headers);
        int client = proxies.client(peer, hops);
        check.check(peer, hops, client);
        return client < 0 ? peer : Objects.requireNonNull(hops.get(client));
    }

    /**
     * Returns an address in the form that keys contain.
     *
     * @param address an address in any notation, or an IPv6 range of the configured prefix length
     * @return the canonical form of the address or of its IPv6 prefix; {@code null} if the text is neither
     */
    public @Nullable String spelled(String address) {
        IPAddress parsed = Addresses.parse(address);
        if (parsed == null) {
            IPAddress range = Addresses.parseRange(address);
            parsed = range != null
                            && range.isIPv6()
                            && Integer.valueOf(ipv6Prefix).equals(range.getPrefixLength())
                    ? range
                    : null;
        }
        return parsed == null ? null : text(parsed);
    }

    /**
     * Returns the length of the prefix that identifies an IPv6 client.
     *
     * @return bits, 16 to 128
     */
    public int ipv6Prefix() {
        return ipv6Prefix;
    }

    private String text(IPAddress address) {
        return Addresses.text(address, ipv6Prefix);
    }

    private static boolean isForwarded(Function<String, List<String>> headers) {
        return !headers.apply(X_FORWARDED_FOR).isEmpty()
                || !headers.apply(FORWARDED).isEmpty();
    }

    private List<@Nullable IPAddress> hops(Function<String, List<String>> headers) {
        if (header != null) {
            List<String> lines = headers.apply(header);
            return warnedIfEmpty(
                    header.toLowerCase(Locale.ROOT).equals("forwarded")
                            ? ForwardedHops.ofForwarded(lines)
                            : ForwardedHops.ofAddresses(lines));
        }
        List<@Nullable IPAddress> listed = ForwardedHops.ofAddresses(headers.apply(X_FORWARDED_FOR));
        List<@Nullable IPAddress> forwarded = ForwardedHops.ofForwarded(headers.apply(FORWARDED));
        if (!listed.isEmpty() && !forwarded.isEmpty() && !listed.equals(forwarded)) {
            warnings.warn(ConfigurationWarning.HEADERS_DISAGREE);
            return List.of();
        }
        return warnedIfEmpty(listed.isEmpty() ? forwarded : listed);
    }

    private List<@Nullable IPAddress> warnedIfEmpty(List<@Nullable IPAddress> hops) {
        if (hops.isEmpty()) {
            warnings.warn(ConfigurationWarning.CLIENT_ADDRESS_MISSING);
        }
        return hops;
    }
}
