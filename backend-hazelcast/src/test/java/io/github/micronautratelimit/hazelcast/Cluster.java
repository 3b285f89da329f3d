package io.github.micronautratelimit.hazelcast;

import com.hazelcast.client.HazelcastClient;
import com.hazelcast.client.config.ClientConfig;
import com.hazelcast.config.Config;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;

/** A cluster for one test: on loopback and free ports, with discovery by address only. */
final class Cluster implements AutoCloseable {

    private static final int FIRST_PORT = 20_000;
    private static final int FIRST_CLIENT_PORT = 32_000;

    private final String name = "test-" + UUID.randomUUID();
    private final List<Integer> ports;
    private final List<HazelcastInstance> instances = new ArrayList<>();
    private final Consumer<Config> configuration;
    private int started;

    /** Reserves ports for the members; starts none. */
    Cluster(int maxMembers, Consumer<Config> configuration) {
        this.ports = freePorts(maxMembers);
        this.configuration = configuration;
    }

    Cluster(int maxMembers) {
        this(maxMembers, config -> {});
    }

    /**
     * Returns ports that are free now. They are below those that the system gives to clients, so that no connection of
     * another test takes one before the member starts.
     */
    static List<Integer> freePorts(int count) {
        List<Integer> free = new ArrayList<>();
        while (free.size() < count) {
            int port = ThreadLocalRandom.current().nextInt(FIRST_PORT, FIRST_CLIENT_PORT);
            if (!free.contains(port) && isFree(port)) {
                free.add(port);
            }
        }
        return free;
    }

    private static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            return socket.isBound();
        } catch (IOException e) {
            return false;
        }
    }

    /** Starts a member on the next port. */
    HazelcastInstance member() {
        return memberAt(started++);
    }

    /** Starts a member on the port of this index, also on that of a terminated member. */
    HazelcastInstance memberAt(int index) {
        Config config = config(index);
        configuration.accept(config);
        HazelcastInstance member = Hazelcast.newHazelcastInstance(config);
        instances.add(member);
        return member;
    }

    /** Starts a member on the next port that does not look for the others. */
    HazelcastInstance isolatedMember() {
        Config config = config(started++);
        configuration.accept(config);
        config.getNetworkConfig().getJoin().getTcpIpConfig().setMembers(List.of(address(started - 1)));
        HazelcastInstance member = Hazelcast.newHazelcastInstance(config);
        instances.add(member);
        return member;
    }

    /** Leaves the next port to a member in a process of its own. */
    void skipPort() {
        started++;
    }

    List<HazelcastInstance> members(int count) {
        List<HazelcastInstance> members = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            members.add(member());
        }
        return members;
    }

    private Config config(int index) {
        return configAt(
                ports.get(index),
                address(index),
                ports.stream().map(port -> "127.0.0.1:" + port).toList());
    }

    /** Returns the configuration of a member that others reach at an address, and that looks for members at theirs. */
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

    /** Sets the properties that all instances of the tests share. */
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

    int port(int index) {
        return ports.get(index);
    }

    List<Integer> ports() {
        return ports;
    }

    String address(int index) {
        return "127.0.0.1:" + ports.get(index);
    }

    /** Starts a client of the members that run or will run. */
    HazelcastInstance client(Consumer<ClientConfig> further) {
        HazelcastInstance client = HazelcastClient.newHazelcastClient(clientConfig(further));
        instances.add(client);
        return client;
    }

    HazelcastInstance client() {
        return client(config -> {});
    }

    ClientConfig clientConfig(Consumer<ClientConfig> further) {
        ClientConfig config = new ClientConfig();
        config.setClusterName(name);
        config.getNetworkConfig()
                .setAddresses(ports.stream().map(port -> "127.0.0.1:" + port).toList());
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
