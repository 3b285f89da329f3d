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
        AddressBits ipv6 = ipv6(text);
        if (ipv6 != null && ipv6.high != 0 && ipv6.high != NAT64) {
            return ipv6;
        }
        int slash = text.indexOf('/');
        IPAddress parsed = Addresses.parse(slash < 0 ? text : text.substring(0, slash));
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

    /** Returns an address whose first bits are 1 and whose other bits are 0. */
    static AddressBits mask(int bits) {
        return new AddressBits(ones(Math.min(bits, Long.SIZE)), ones(Math.max(0, bits - Long.SIZE)));
    }

    private static long ones(int bits) {
        return bits == 0 ? 0 : -1L << Long.SIZE - bits;
    }

    /** Returns whether this address equals another one in the bits of a mask. */
    boolean equalsIn(AddressBits mask, AddressBits other) {
        return ((high ^ other.high) & mask.high | (low ^ other.low) & mask.low) == 0;
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

    /**
     * Reads groups of hexadecimal digits with at most one {@code ::}, up to the end or a slash; leaves every other form
     * to the library.
     */
    private static @Nullable AddressBits ipv6(String text) {
        long high = 0;
        long low = 0;
        long highAfterGap = 0;
        long lowAfterGap = 0;
        int position = 0;
        int group = -1;
        boolean gap = false;
        int length = text.length();
        for (int i = 0; i <= length; i++) {
            char c = i == length ? '/' : text.charAt(i);
            int digit = digit(c);
            if (digit >= 0) {
                group = Math.max(group, 0) * HEX + digit;
                if (group > MAX_GROUP) {
                    return null;
                }
                continue;
            }
            boolean empty = group < 0;
            if (c == '/' && empty && i > 1 && text.charAt(i - 1) == ':' && text.charAt(i - 2) != ':') {
                return null;
            }
            if (!empty && gap) {
                highAfterGap = highAfterGap << BITS_PER_GROUP | lowAfterGap >>> Long.SIZE - BITS_PER_GROUP;
                lowAfterGap = lowAfterGap << BITS_PER_GROUP | group;
            } else if (!empty) {
                long placed = (long) group << Long.SIZE - BITS_PER_GROUP * (1 + position % GROUPS_PER_LONG);
                high |= position < GROUPS_PER_LONG ? placed : 0;
                low |= position < GROUPS_PER_LONG ? 0 : placed;
            }
            position += empty ? 0 : 1;
            group = -1;
            if (c == '/') {
                break;
            }
            if (c != ':' || empty && !(i == 0 && text.startsWith("::"))) {
                return null;
            }
            if (i + 1 < length && text.charAt(i + 1) == ':') {
                if (gap) {
                    return null;
                }
                gap = true;
                i++;
            }
        }
        return (gap ? position < GROUPS : position == GROUPS)
                ? new AddressBits(high | highAfterGap, low | lowAfterGap)
                : null;
    }

    /** Returns the value of a hexadecimal digit in lower case, as canonical texts have it, or -1. */
    private static int digit(char c) {
        if (c >= '0' && c <= '9') {
            return c - '0';
        }
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    }
}
