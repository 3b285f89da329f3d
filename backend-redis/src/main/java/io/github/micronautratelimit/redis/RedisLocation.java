package io.github.micronautratelimit.redis;

import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;

import io.lettuce.core.RedisURI;

/**
 * Where Redis is, and which setting says so. Its text names servers, and never a user or a password.
 *
 * @param setting what an operator has to look at if it is wrong
 * @param uris    the server, or its Sentinels; of a cluster, some of the nodes
 * @param cluster whether the servers are a cluster
 */
record RedisLocation(String setting, List<RedisURI> uris, boolean cluster) {

    /** In which a server that accepted a connection has to greet. The limit of a command is much shorter. */
    private static final Duration GREETING = Duration.ofSeconds(5);

    RedisLocation {
        uris = uris.stream().map(RedisLocation::copy).toList();
    }

    /** A copy, because the application has its own timeout. */
    private static RedisURI copy(RedisURI uri) {
        RedisURI copy = new RedisURI();
        copy.setHost(uri.getHost());
        copy.setPort(uri.getPort());
        copy.setSocket(uri.getSocket());
        copy.setSentinelMasterId(uri.getSentinelMasterId());
        uri.getSentinels().forEach(sentinel -> copy.getSentinels().add(copy(sentinel)));
        copy.setDatabase(uri.getDatabase());
        copy.setClientName(uri.getClientName());
        copy.setLibraryName(uri.getLibraryName());
        copy.setLibraryVersion(uri.getLibraryVersion());
        copy.applyAuthentication(uri);
        copy.applySsl(uri);
        Duration timeout = uri.getTimeout();
        copy.setTimeout(timeout.isZero() || timeout.compareTo(GREETING) > 0 ? GREETING : timeout);
        return copy;
    }

    @Override
    public String toString() {
        return (cluster ? "The Redis cluster at " : "Redis at ")
                + uris.stream().map(RedisLocation::address).collect(Collectors.joining(", ")) + " (" + setting + ")";
    }

    private static String address(RedisURI uri) {
        if (!uri.getSentinels().isEmpty()) {
            return "the master " + uri.getSentinelMasterId() + " of the Sentinels "
                    + uri.getSentinels().stream().map(RedisLocation::address).collect(Collectors.joining(", "));
        }
        return uri.getSocket() != null ? uri.getSocket() : uri.getHost() + ":" + uri.getPort();
    }
}
