package io.github.micronautratelimit.web;

import inet.ipaddr.IPAddress;
import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;
import org.jspecify.annotations.Nullable;

/**
 * Notices that requests pass more or fewer proxies than the configuration says. All clients of a proxy that is not
 * trusted are one client. A proxy that is counted but does not exist lets a client choose its address.
 *
 * <p>Memory is bounded: for {@value #SLOTS} addresses that count, a set of 64 bits has a bit for each address
 * that stood before them. Two addresses that share a slot replace each other. A lost update of a slot does no
 * harm, because later requests make it again. Nothing is collected after the warning.
 */
final class ProxyCheck {

    private static final int SLOTS = 64;
    /** About 29 different addresses set so many bits. One client seldom appears with so many. */
    private static final int MANY_BITS = 24;

    private final TrustedProxies proxies;
    private final ConfigurationWarnings warnings;
    /** Pairs of the hash of an address that counts and the bits of those before it. */
    private final AtomicLongArray seen = new AtomicLongArray(2 * SLOTS);

    private volatile boolean looksForProxies;
    private volatile boolean looksForFewerHops;

    ProxyCheck(TrustedProxies proxies, ConfigurationWarnings warnings) {
        this.proxies = proxies;
        this.warnings = warnings;
        this.looksForProxies = warnings.isPending(ConfigurationWarning.PROXY_NOT_TRUSTED);
        this.looksForFewerHops = proxies.hops() > 1 && warnings.isPending(ConfigurationWarning.FEWER_HOPS);
    }

    /**
     * Checks one request.
     *
     * @param peer         the peer of the connection
     * @param nearestFirst the hops of the forwarding header
     * @param client       the index of the hop that counts, -1 for the peer
     */
    void check(IPAddress peer, List<@Nullable IPAddress> nearestFirst, int client) {
        if (looksForFewerHops && !nearestFirst.isEmpty() && nearestFirst.size() < proxies.hops()) {
            looksForFewerHops = false;
            warnings.warn(ConfigurationWarning.FEWER_HOPS);
        }
        if (!looksForProxies || client + 1 >= nearestFirst.size()) {
            return;
        }
        IPAddress counts = client < 0 ? peer : nearestFirst.get(client);
        IPAddress before = nearestFirst.get(client + 1);
        if (counts == null || before == null) {
            return;
        }
        boolean hidesClients = Addresses.isPrivate(counts) && !Addresses.isPrivate(before);
        if (hidesClients || standsForMany(counts, before)) {
            looksForProxies = false;
            warnings.warn(ConfigurationWarning.PROXY_NOT_TRUSTED);
        }
    }

    private boolean standsForMany(IPAddress counts, IPAddress before) {
        int hash = mixed(counts.hashCode());
        int slot = 2 * (hash >>> 26);
        long others = seen.get(slot) == hash ? seen.get(slot + 1) : 0;
        others |= 1L << (mixed(before.hashCode()) >>> 26);
        seen.set(slot, hash);
        seen.set(slot + 1, others);
        return Long.bitCount(others) >= MANY_BITS;
    }

    /** Spreads hash codes of similar addresses over all bits. */
    private static int mixed(int hash) {
        int mixed = (hash ^ hash >>> 16) * 0x7feb352d;
        mixed = (mixed ^ mixed >>> 15) * 0x846ca68b;
        return mixed ^ mixed >>> 16;
    }
}
