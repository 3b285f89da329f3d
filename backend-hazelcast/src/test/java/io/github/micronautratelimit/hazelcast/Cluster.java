package io.github.micronautratelimit.hazelcast;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;

import com.hazelcast.client.HazelcastClient;
import com.hazelcast.client.config.ClientConfig;
import com.hazelcast.config.Config;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;

/** A cluster of this test's own: on loopback, on free ports, found by address and by nobody else. */
final class Cluster implements AutoCloseable {

    private final String name = "test-" + UUID.randomUUID();
    private final List<Integer> ports;
    private final List<HazelcastInstance> instances = new ArrayList<>();
    private final Consumer<Config> configuration;
    private int started;

    /** With room for so many members; none is started. */
    Cluster(int mostMembers, Consumer<Config> configuration) {
        this.ports = freePorts(mostMembers);
        this.configuration = configuration;
    }

    Cluster(int mostMembers) {
        this(mostMembers, config -> { });
    }

    static List<Integer> freePorts(int count) {
        List<ServerSocket> sockets = new ArrayList<>();
        try {
            for (int i = 0; i < count; i++) {
                sockets.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
            }
            return sockets.stream().map(ServerSocket::getLocalPort).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            for (ServerSocket socket : sockets) {
                try {
                    socket.close();
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
        }
    }

    /** Starts one more member, on the next port. */
    HazelcastInstance member() {
        Config config = config(started++);
        configuration.accept(config);
        HazelcastInstance member = Hazelcast.newHazelcastInstance(config);
        instances.add(member);
        return member;
    }

    /** Starts a member anew where one has been. */
    HazelcastInstance memberAgain(int place) {
        Config config = config(place);
        configuration.accept(config);
        HazelcastInstance member = Hazelcast.newHazelcastInstance(config);
        instances.add(member);
        return member;
    }

    /** Starts one more member, which does not look for the others. */
    HazelcastInstance loner() {
        Config config = config(started++);
        configuration.accept(config);
        config.getNetworkConfig().getJoin().getTcpIpConfig()
                .setMembers(List.of(address(started - 1)));
        HazelcastInstance member = Hazelcast.newHazelcastInstance(config);
        instances.add(member);
        return member;
    }

    /** The next place is taken by a member of a process of its own. */
    void skipPlace() {
        started++;
    }

    List<HazelcastInstance> members(int count) {
        List<HazelcastInstance> members = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            members.add(member());
        }
        return members;
    }

    private Config config(int place) {
        return configAt(ports.get(place), address(place), ports.stream().map(port -> "127.0.0.1:" + port).toList());
    }

    /** A member that the others reach at an address, and looks for them at theirs. */
    Config configAt(int port, String address, List<String> members) {
        Config config = new Config();
        config.setClusterName(name);
        config.getNetworkConfig().setPort(port).setPortAutoIncrement(false).setPublicAddress(address);
        config.getNetworkConfig().getInterfaces().setEnabled(true).addInterface("127.0.0.1");
        config.getNetworkConfig().getJoin().getMulticastConfig().setEnabled(false);
        config.getNetworkConfig().getJoin().getAutoDetectionConfig().setEnabled(false);
        config.getNetworkConfig().getJoin().getTcpIpConfig().setEnabled(true).setMembers(members);
        quiet(config);
        return config;
    }

    /** What every instance of the tests has set. */
    static void quiet(Config config) {
        config.setProperty("hazelcast.phone.home.enabled", "false")
                .setProperty("hazelcast.shutdownhook.enabled", "false")
                .setProperty("hazelcast.logging.type", "slf4j")
                .setProperty("hazelcast.wait.seconds.before.join", "0")
                .setProperty("hazelcast.max.join.seconds", "10");
        config.getMetricsConfig().setEnabled(false);
    }

    String name() {
        return name;
    }

    int port(int place) {
        return ports.get(place);
    }

    List<Integer> ports() {
        return ports;
    }

    String address(int place) {
        return "127.0.0.1:" + ports.get(place);
    }

    /** A client of the members that there may be. */
    HazelcastInstance client(Consumer<ClientConfig> further) {
        HazelcastInstance client = HazelcastClient.newHazelcastClient(clientConfig(further));
        instances.add(client);
        return client;
    }

    HazelcastInstance client() {
        return client(config -> { });
    }

    ClientConfig clientConfig(Consumer<ClientConfig> further) {
        ClientConfig config = new ClientConfig();
        config.setClusterName(name);
        config.getNetworkConfig().setAddresses(ports.stream().map(port -> "127.0.0.1:" + port).toList());
        config.setProperty("hazelcast.logging.type", "slf4j");
        config.getConnectionStrategyConfig().getConnectionRetryConfig().setClusterConnectTimeoutMillis(20_000);
        config.getMetricsConfig().setEnabled(false);
        further.accept(config);
        return config;
    }

    @Override
    public void close() {
        for (int i = instances.size() - 1; i >= 0; i--) {
            instances.get(i).getLifecycleService().terminate();
        }
    }
}
