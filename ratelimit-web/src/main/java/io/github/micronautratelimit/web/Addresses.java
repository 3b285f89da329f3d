package io.github.micronautratelimit.web;

import inet.ipaddr.AddressStringParameters.RangeParameters;
import inet.ipaddr.IPAddress;
import inet.ipaddr.IPAddressNetwork.IPAddressGenerator;
import inet.ipaddr.IPAddressString;
import inet.ipaddr.IPAddressStringParameters;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * Parses IP addresses in any notation. An IPv6 address that contains an IPv4 address, mapped ({@code ::ffff:0:0/96}) or
 * translated (NAT64, {@code 64:ff9b::/96}; SIIT, {@code ::ffff:0:0:0/96}), becomes that IPv4 address.
 *
 * <p>The prefix {@code 64:ff9b:1::/48} is for translators too (RFC 8215), but each operator chooses where the IPv4
 * address is (RFC 6052). It is not grouped, because all IPv4 clients of a translator would be one group.
 */
final class Addresses {

    private static final int LONGEST = 64;
    private static final IPAddressGenerator GENERATOR = new IPAddressGenerator();
    private static final IPAddressStringParameters ONE_ADDRESS = strict().toParams();
    private static final IPAddressStringParameters RANGE =
            strict().allowPrefix(true).toParams();
    private static final IPAddress NAT64 = block("64:ff9b::/96");
    private static final IPAddress SIIT = block("::ffff:0:0:0/96");
    private static final IPAddress LOCAL_NAT64 = block("64:ff9b:1::/48");
    /** The shared addresses between a provider and its customers (RFC 6598). */
    private static final IPAddress SHARED = block("100.64.0.0/10");

    private static final int IPV4_IN_LAST_BITS = 96;

    private Addresses() {}

    private static IPAddress block(String text) {
        return new IPAddressString(text, RANGE).getAddress();
    }

    /** Accepts only RFC 4291 and dotted decimal: no octal, hexadecimal, short or wildcard forms. */
    private static IPAddressStringParameters.Builder strict() {
        IPAddressStringParameters.Builder builder = new IPAddressStringParameters.Builder();
        builder.allowEmpty(false).allowSingleSegment(false).allowAll(false);
        builder.allowPrefix(false)
                .allowMask(false)
                .allowPrefixOnly(false)
                .allowWildcardedSeparator(false)
                .allow_inet_aton(false)
                .setRangeOptions(RangeParameters.NO_RANGE);
        builder.getIPv4AddressParametersBuilder()
                .allowLeadingZeros(false)
                .allowUnlimitedLeadingZeros(false)
                .allowBinary(false);
        builder.getIPv6AddressParametersBuilder()
                .allowBase85(false)
                .allowBinary(false)
                .allowZone(false)
                .allowUnlimitedLeadingZeros(false)
                .allow_mixed_inet_aton(false);
        return builder;
    }

    /** Parses an address, with or without a zone such as {@code %eth0}; {@code null} if the text is not an address. */
    static @Nullable IPAddress parse(String text) {
        int zone = text.indexOf('%');
        String address = zone < 0 ? text : text.substring(0, zone);
        if (address.isEmpty() || address.length() > LONGEST || zone >= 0 && address.indexOf(':') < 0) {
            return null;
        }
        for (int i = 0; i < address.length(); i++) {
            char c = address.charAt(i);
            if (c != ':' && c != '.' && Character.digit(c, 16) < 0 || c > 'f') {
                return null;
            }
        }
        IPAddress parsed = new IPAddressString(address, ONE_ADDRESS).getAddress();
        return parsed == null ? null : plain(parsed);
    }

    /** Parses a range such as {@code 10.0.0.0/8}, or one address; {@code null} if the text is neither. */
    static @Nullable IPAddress parseRange(String text) {
        IPAddress range = new IPAddressString(text.trim(), RANGE).getAddress();
        if (range == null) {
            return null;
        }
        IPAddress block = range.toPrefixBlock();
        boolean contained = block.isIPv6()
                && block.getPrefixLength() != null
                && block.getPrefixLength() >= IPV4_IN_LAST_BITS
                && containsIPv4(block);
        return contained ? block.toIPv6().getEmbeddedIPv4Address() : block.isPrefixed() ? block : plain(block);
    }

    static IPAddress of(InetAddress address) {
        return of(address.getAddress());
    }

    static IPAddress of(byte[] address) {
        return plain(GENERATOR.from(address));
    }

    private static IPAddress plain(IPAddress address) {
        return address.isIPv6() && containsIPv4(address) ? address.toIPv6().getEmbeddedIPv4Address() : address;
    }

    private static boolean containsIPv4(IPAddress address) {
        return address.toIPv6().isIPv4Mapped() || NAT64.contains(address) || SIIT.contains(address);
    }

    /** Returns whether an address cannot be that of a client on the Internet. */
    static boolean isPrivate(IPAddress address) {
        return address.isLocal() || address.isLoopback() || address.isIPv4() && SHARED.contains(address);
    }

    /** Returns the canonical text of an IPv4 address, or of the IPv6 range with this prefix length. */
    static String text(IPAddress address, int ipv6Prefix) {
        if (address.isIPv4()) {
            return address.toCanonicalString();
        }
        return ipv6Prefix == 128 || LOCAL_NAT64.contains(address)
                ? address.toCanonicalString()
                : address.setPrefixLength(ipv6Prefix, false).toPrefixBlock().toCanonicalString();
    }

    /**
     * Returns the key of an address in a wider range than that of {@link #text}.
     *
     * @param text       the result of that method, or any other text, which is returned unchanged
     * @param ipv6Prefix the length of the prefix of the range; if it is not shorter, the text is returned unchanged
     */
    static String grouped(String text, int ipv6Prefix) {
        int slash = text.indexOf('/');
        IPAddress address = parse(slash < 0 ? text : text.substring(0, slash));
        return address == null || slash > 0 && Integer.parseInt(text.substring(slash + 1)) <= ipv6Prefix
                ? text
                : text(address, ipv6Prefix);
    }
}
