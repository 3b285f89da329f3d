package io.github.micronautratelimit.web;

import inet.ipaddr.IPAddress;
import org.jspecify.annotations.Nullable;

/**
 * The 128 bits of an address. An IPv4 address has those of {@code ::ffff:0:0/96}, which no IPv6 address has, because
 * {@link Addresses} turns such addresses into IPv4.
 *
 * @param high the first 64 bits
 * @param low  the last 64 bits
 */
record AddressBits(long high, long low) {

    private static final long IPV4 = 0xffff_0000_0000L;
    /** The first bits of {@code 64:ff9b::/96}, whose addresses contain IPv4 addresses. */
    private static final long NAT64 = 0x0064_ff9b_0000_0000L;

    private static final int GROUPS = 8;
    private static final int BITS_PER_GROUP = 16;
    private static final int GROUPS_PER_LONG = 4;
    private static final int MAX_GROUP = 0xffff;
    private static final int MAX_OCTET = 255;
    private static final int HEX = 16;
    private static final int LAST_DOT = 3;

    /**
     * Reads the address of a client, or the first address of the prefix that identifies it. Canonical texts, which
     * {@link ClientAddress} returns, are read without the library, because every request has one.
     *
     * @return {@code null} if the text is not an address
     */
    static @Nullable AddressBits of(String text) {
        AddressBits ipv4 = ipv4(text);
        if (ipv4 != null) {
            return ipv4;
        }
        int slash = text.indexOf('/');
        int end = slash < 0 ? text.length() : slash;
        AddressBits ipv6 = ipv6(text, end);
        if (ipv6 != null && ipv6.high != 0 && ipv6.high != NAT64) {
            return ipv6;
        }
        IPAddress parsed = Addresses.parse(text.substring(0, end));
        return parsed == null ? null : of(parsed);
    }

    static AddressBits of(IPAddress address) {
        byte[] bytes = address.getBytes();
        long high = 0;
        long low = 0;
        for (byte octet : bytes) {
            high = high << Byte.SIZE | low >>> Long.SIZE - Byte.SIZE;
            low = low << Byte.SIZE | octet & MAX_OCTET;
        }
        return address.isIPv4() ? new AddressBits(0, IPV4 | low) : new AddressBits(high, low);
    }

    /** Returns whether the first bits are those of another address. */
    boolean startsWith(AddressBits other, int bits) {
        long highMask = bits >= Long.SIZE ? -1 : mask(bits);
        long lowMask = bits <= Long.SIZE ? 0 : mask(bits - Long.SIZE);
        return ((high ^ other.high) & highMask) == 0 && ((low ^ other.low) & lowMask) == 0;
    }

    private static long mask(int bits) {
        return bits == 0 ? 0 : -1L << Long.SIZE - bits;
    }

    private static @Nullable AddressBits ipv4(String text) {
        long bits = 0;
        int octet = -1;
        int dots = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '.' && octet >= 0 && dots < LAST_DOT) {
                bits = bits << Byte.SIZE | octet;
                octet = -1;
                dots++;
            } else if (c >= '0' && c <= '9' && octet != 0) {
                octet = Math.max(octet, 0) * 10 + c - '0';
                if (octet > MAX_OCTET) {
                    return null;
                }
            } else {
                return null;
            }
        }
        return dots == LAST_DOT && octet >= 0 ? new AddressBits(0, IPV4 | bits << Byte.SIZE | octet) : null;
    }

    /** Reads groups of hexadecimal digits with at most one {@code ::}; leaves every other form to the library. */
    private static @Nullable AddressBits ipv6(String text, int end) {
        int missing = GROUPS - groups(text, end);
        long high = 0;
        long low = 0;
        int position = 0;
        int group = -1;
        boolean gap = false;
        for (int i = 0; i <= end; i++) {
            char c = i == end ? ':' : text.charAt(i);
            if (c != ':') {
                int digit = Character.digit(c, HEX);
                group = Math.max(group, 0) * HEX + digit;
                if (digit < 0 || group > MAX_GROUP) {
                    return null;
                }
            } else if (group >= 0) {
                if (position >= GROUPS) {
                    return null;
                }
                long shifted = (long) group << Long.SIZE - BITS_PER_GROUP * (1 + position % GROUPS_PER_LONG);
                high |= position < GROUPS_PER_LONG ? shifted : 0;
                low |= position < GROUPS_PER_LONG ? 0 : shifted;
                position++;
                group = -1;
            }
            if (c == ':' && i + 1 < end && text.charAt(i + 1) == ':') {
                if (gap || missing < 1) {
                    return null;
                }
                gap = true;
                position += missing;
            }
        }
        return position == GROUPS ? new AddressBits(high, low) : null;
    }

    private static int groups(String text, int end) {
        int groups = 0;
        for (int i = 0; i < end; i++) {
            if (text.charAt(i) != ':' && (i == 0 || text.charAt(i - 1) == ':')) {
                groups++;
            }
        }
        return groups;
    }
}
