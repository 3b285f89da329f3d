package io.github.micronautratelimit.web;

import inet.ipaddr.IPAddress;

/**
 * A range of addresses, such as {@code 10.0.0.0/8}. Immutable.
 *
 * @param text  the canonical form
 * @param first the first address
 * @param bits  the number of bits that all addresses of the range share, 0 to 128
 * @param mask  these bits
 * @param ipv6  whether it is a range of IPv6 addresses
 */
record AddressRange(String text, AddressBits first, int bits, AddressBits mask, boolean ipv6) {

    private static final int IPV4_OFFSET = 96;

    /**
     * Reads a range, or one address.
     *
     * @throws IllegalArgumentException if the text is neither, or has bits after its prefix; the message contains an
     *                                  example
     */
    static AddressRange parse(String text) {
        IPAddress range = Addresses.parseRange(text);
        if (range == null) {
            throw new IllegalArgumentException(
                    "\"" + text.strip()
                            + "\" is not a range of addresses; write one like \"10.0.0.0/8\" or \"2001:db8::/32\", or one address.");
        }
        Integer prefix = range.getNetworkPrefixLength();
        int length = prefix == null ? range.getBitCount() : prefix;
        int bits = range.isIPv4() ? IPV4_OFFSET + length : length;
        return new AddressRange(
                range.toCanonicalString(),
                AddressBits.of(range.getLower().withoutPrefixLength()),
                bits,
                AddressBits.mask(bits),
                range.isIPv6());
    }

    boolean contains(AddressBits address) {
        return address.equalsIn(mask, first);
    }

    /** Returns whether this range contains every address of another one. */
    boolean covers(AddressRange other) {
        return other.bits >= bits && contains(other.first);
    }

    boolean overlaps(AddressRange other) {
        return covers(other) || other.covers(this);
    }

    @Override
    public String toString() {
        return text;
    }
}
