package io.github.micronautratelimit.web;

import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import inet.ipaddr.IPAddress;

/**
 * The proxies whose word about a client's address is believed: those within given ranges of addresses, or a given number
 * of them. Immutable.
 */
public final class TrustedProxies {

    private static final String EXAMPLE = "; write a range like \"10.0.0.0/8\" or \"2001:db8::/32\", or one address.";
    private static final TrustedProxies NONE = new TrustedProxies(List.of(), 0);

    private final List<IPAddress> ranges;
    private final int hops;

    private TrustedProxies(List<IPAddress> ranges, int hops) {
        this.ranges = ranges;
        this.hops = hops;
    }

    /**
     * No proxy: the address is that of the connection.
     *
     * @return nobody is believed
     */
    public static TrustedProxies none() {
        return NONE;
    }

    /**
     * The proxies within ranges of addresses.
     *
     * @param ranges for example {@code 10.0.0.0/8} or {@code 2001:db8::1}; none to believe nobody
     * @return the proxies
     * @throws IllegalArgumentException if a range is malformed; the message says what to write instead
     */
    public static TrustedProxies within(List<String> ranges) {
        List<IPAddress> parsed = new ArrayList<>(ranges.size());
        for (String range : ranges) {
            IPAddress address = Addresses.parseRange(range);
            if (address == null) {
                throw new IllegalArgumentException("\"" + range + "\" is no range of addresses" + EXAMPLE);
            }
            parsed.add(address);
        }
        return parsed.isEmpty() ? NONE : new TrustedProxies(List.copyOf(parsed), 0);
    }

    /**
     * A chain of proxies that every request comes through. Only right if nobody can reach the application past them.
     *
     * @param hops how many there are, 0 or more
     * @return the proxies
     * @throws IllegalArgumentException if the number is negative
     */
    public static TrustedProxies hops(int hops) {
        if (hops < 0) {
            throw new IllegalArgumentException(hops + " is no number of proxies; write 0 or more.");
        }
        return hops == 0 ? NONE : new TrustedProxies(List.of(), hops);
    }

    boolean isNone() {
        return ranges.isEmpty() && hops == 0;
    }

    /** Whether everybody is a trusted proxy, so that everybody may write any address. */
    boolean areAll() {
        return ranges.stream().anyMatch(range -> range.isMultiple() && range.getNetworkPrefixLength() != null
                && range.getNetworkPrefixLength() == 0);
    }

    boolean believes(IPAddress peer) {
        return hops > 0 || contains(peer);
    }

    /** The client: the nearest hop that is no trusted proxy. What an unreadable hop hides is known by the last proxy. */
    IPAddress client(IPAddress peer, List<@Nullable IPAddress> nearestFirst) {
        IPAddress client = peer;
        for (int i = 0; i < nearestFirst.size(); i++) {
            IPAddress hop = nearestFirst.get(i);
            if (hop == null || (hops > 0 ? i >= hops : !contains(client))) {
                return client;
            }
            client = hop;
        }
        return client;
    }

    private boolean contains(IPAddress address) {
        for (IPAddress range : ranges) {
            if (range.getIPVersion() == address.getIPVersion() && range.contains(address)) {
                return true;
            }
        }
        return false;
    }
}
