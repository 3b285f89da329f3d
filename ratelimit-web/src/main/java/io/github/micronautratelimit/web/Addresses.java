package io.github.micronautratelimit.web;

import java.net.InetAddress;

import org.jspecify.annotations.Nullable;

import inet.ipaddr.AddressStringParameters.RangeParameters;
import inet.ipaddr.IPAddress;
import inet.ipaddr.IPAddressNetwork.IPAddressGenerator;
import inet.ipaddr.IPAddressString;
import inet.ipaddr.IPAddressStringParameters;

/**
 * IP addresses by their bits, whatever their notation: an IPv4 address written within an IPv6 one, mapped
 * ({@code ::ffff:0:0/96}) or translated (NAT64, {@code 64:ff9b::/96}), is that IPv4 address.
 */
final class Addresses {

    private static final int LONGEST = 64;
    private static final IPAddressGenerator GENERATOR = new IPAddressGenerator();
    private static final IPAddressStringParameters ONE_ADDRESS = strict().toParams();
    private static final IPAddressStringParameters RANGE = strict().allowPrefix(true).toParams();
    private static final IPAddress NAT64 =
            new IPAddressString("64:ff9b::/96", RANGE).getAddress();

    private Addresses() {
    }

    /** Exactly what RFC 4291 and dotted decimal allow: no octal, hexadecimal, short or wildcard forms. */
    private static IPAddressStringParameters.Builder strict() {
        IPAddressStringParameters.Builder builder = new IPAddressStringParameters.Builder();
        builder.allowEmpty(false).allowSingleSegment(false).allowAll(false);
        builder.allowPrefix(false).allowMask(false).allowPrefixOnly(false).allowWildcardedSeparator(false)
                .allow_inet_aton(false).setRangeOptions(RangeParameters.NO_RANGE);
        builder.getIPv4AddressParametersBuilder().allowLeadingZeros(false).allowUnlimitedLeadingZeros(false)
                .allowBinary(false);
        builder.getIPv6AddressParametersBuilder().allowBase85(false).allowBinary(false).allowZone(false)
                .allowUnlimitedLeadingZeros(false).allow_mixed_inet_aton(false);
        return builder;
    }

    /** Reads an address, which may carry a zone such as {@code %eth0}; {@code null} if it is none. */
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

    /** Reads a range such as {@code 10.0.0.0/8}, or one address; {@code null} if it is neither. */
    static @Nullable IPAddress parseRange(String text) {
        IPAddress range = new IPAddressString(text.trim(), RANGE).getAddress();
        if (range == null) {
            return null;
        }
        IPAddress block = range.toPrefixBlock();
        boolean mapped = block.isIPv6() && block.getPrefixLength() != null && block.getPrefixLength() >= 96
                && block.toIPv6().isIPv4Mapped();
        return mapped ? block.toIPv6().getEmbeddedIPv4Address() : block.isPrefixed() ? block : plain(block);
    }

    static IPAddress of(InetAddress address) {
        return plain(GENERATOR.from(address.getAddress()));
    }

    private static IPAddress plain(IPAddress address) {
        if (address.isIPv6() && (address.toIPv6().isIPv4Mapped() || NAT64.contains(address))) {
            return address.toIPv6().getEmbeddedIPv4Address();
        }
        return address;
    }

    /** One spelling for each IPv4 address, and for each IPv6 range of that prefix. */
    static String text(IPAddress address, int ipv6Prefix) {
        if (address.isIPv4()) {
            return address.toCanonicalString();
        }
        return ipv6Prefix == 128
                ? address.toCanonicalString()
                : address.setPrefixLength(ipv6Prefix, false).toPrefixBlock().toCanonicalString();
    }
}
