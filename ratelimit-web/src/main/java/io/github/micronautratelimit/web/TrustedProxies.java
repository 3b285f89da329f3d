package io.github.micronautratelimit.web;

import inet.ipaddr.IPAddress;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The proxies whose forwarding headers are used: those in ranges of addresses, or a number of proxies. Immutable. */
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
     * Returns no proxies, so that the address of the connection counts.
     *
     * @return always the same object
     */
    public static TrustedProxies none() {
        return NONE;
    }

    /**
     * Returns the proxies in ranges of addresses.
     *
     * @param ranges ranges or addresses, such as {@code 10.0.0.0/8} or {@code 2001:db8::1}; none to trust no proxy
     * @return the proxies
     * @throws IllegalArgumentException if a range is malformed; the message contains an example
     */
    public static TrustedProxies within(List<String> ranges) {
        List<IPAddress> parsed = new ArrayList<>(ranges.size());
        for (String range : ranges) {
            IPAddress address = Addresses.parseRange(range);
            if (address == null) {
                throw new IllegalArgumentException("\"" + range + "\" is not a range of addresses" + EXAMPLE);
            }
            parsed.add(address);
        }
        return parsed.isEmpty() ? NONE : new TrustedProxies(List.copyOf(parsed), 0);
    }

    /**
     * Returns a chain of proxies that every request passes. Use it only if no client can reach the application
     * directly.
     *
     * @param hops the number of proxies, 0 or more
     * @return the proxies
     * @throws IllegalArgumentException if the number is negative
     */
    public static TrustedProxies hops(int hops) {
        if (hops < 0) {
            throw new IllegalArgumentException("The number of proxies is " + hops + "; write 0 or more.");
        }
        return hops == 0 ? NONE : new TrustedProxies(List.of(), hops);
    }

    boolean isNone() {
        return ranges.isEmpty() && hops == 0;
    }

    /** Returns whether every address is trusted, so that any client can choose its address. */
    boolean areAll() {
        return ranges.stream()
                .anyMatch(range -> range.isMultiple()
                        && range.getNetworkPrefixLength() != null
                        && range.getNetworkPrefixLength() == 0);
    }

    boolean trusts(IPAddress peer) {
        return hops > 0 || contains(peer);
    }

    /** Returns the number of proxies that every request passes; 0 if proxies are trusted by their addresses. */
    int hops() {
        return hops;
    }

    /**
     * Returns the index of the nearest hop that is not a trusted proxy, or -1 for the peer. If a hop is unreadable, the
     * proxy in front of it counts.
     */
    int client(IPAddress peer, List<@Nullable IPAddress> nearestFirst) {
        IPAddress client = peer;
        for (int i = 0; i < nearestFirst.size(); i++) {
            IPAddress hop = nearestFirst.get(i);
            if (hop == null || (hops > 0 ? i >= hops : !contains(client))) {
                return i - 1;
            }
            client = hop;
        }
        return nearestFirst.size() - 1;
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
