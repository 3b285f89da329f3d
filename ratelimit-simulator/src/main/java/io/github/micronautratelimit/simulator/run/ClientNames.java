package io.github.micronautratelimit.simulator.run;

import io.github.micronautratelimit.web.ClientAddress;
import io.github.micronautratelimit.web.ConfigurationWarnings;
import io.github.micronautratelimit.web.TrustedProxies;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The clients of a log as keys contain them: IPv4 addresses as they are, IPv6 addresses by prefix. A name of a host, as
 * old logs contain it, stands for itself. Not thread-safe.
 */
final class ClientNames {

    private static final int CACHED = 10_000;

    private final ClientAddress addresses;
    private final Map<String, String> cache = new HashMap<>();

    ClientNames(int ipv6Bits) {
        this.addresses = new ClientAddress(TrustedProxies.none(), null, ipv6Bits, new ConfigurationWarnings(List.of()));
    }

    String of(String client) {
        if (isPlainIpv4(client)) {
            return client;
        }
        String known = cache.get(client);
        if (known == null) {
            String spelled = addresses.spelled(client);
            known = spelled == null ? client : spelled;
            if (cache.size() >= CACHED) {
                cache.clear();
            }
            cache.put(client, known);
        }
        return known;
    }

    /** Returns whether a text is an IPv4 address in canonical form. */
    private static boolean isPlainIpv4(String text) {
        int dots = 0;
        int number = -1;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '.') {
                dots++;
                if (number < 0) {
                    return false;
                }
                number = -1;
            } else if (c < '0' || c > '9' || number == 0) {
                return false;
            } else {
                number = Math.max(0, number) * 10 + c - '0';
                if (number > 255) {
                    return false;
                }
            }
        }
        return dots == 3 && number >= 0;
    }
}
