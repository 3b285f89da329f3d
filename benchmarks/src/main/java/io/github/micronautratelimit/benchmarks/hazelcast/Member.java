package io.github.micronautratelimit.benchmarks.hazelcast;

import com.hazelcast.client.HazelcastClient;
import com.hazelcast.client.config.ClientConfig;
import com.hazelcast.config.Config;
import com.hazelcast.config.SerializationConfig;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;
import io.github.bucket4j.grid.hazelcast.HazelcastProxyManager;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** A cluster of one member on loopback: in this process, or in a separate process with a client in this one. */
final class Member implements AutoCloseable {

    private static final int SERIALIZER_TYPES = 10_000;

    private final HazelcastInstance caller;
    private final ProcessHandle process;

    private Member(HazelcastInstance caller, ProcessHandle process) {
        this.caller = caller;
        this.process = process;
    }

    static Member embedded(boolean bucket4jSerializers) {
        return new Member(Hazelcast.newHazelcastInstance(config(0, bucket4jSerializers)), ProcessHandle.current());
    }

    static Member behindAClient(boolean bucket4jSerializers) throws IOException {
        Process process = new ProcessBuilder(
                        System.getProperty("java.home") + "/bin/java",
                        "-Xms512m",
                        "-Xmx512m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Member.class.getName(),
                        Boolean.toString(bucket4jSerializers))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
        BufferedReader output =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        String line = output.readLine();
        while (line != null && !line.startsWith("port ")) {
            line = output.readLine();
        }
        if (line == null) {
            throw new IllegalStateException("The Hazelcast member did not start; its standard error has the cause.");
        }
        ClientConfig config = new ClientConfig();
        config.getNetworkConfig().addAddress("127.0.0.1:" + line.substring("port ".length()));
        config.setProperty("hazelcast.logging.type", "none");
        serializers(config.getSerializationConfig(), bucket4jSerializers);
        return new Member(HazelcastClient.newHazelcastClient(config), process.toHandle());
    }

    /**
     * Runs a member until the process is killed.
     *
     * @param arguments whether Bucket4j's own serializers are configured
     * @throws InterruptedException if interrupted
     */
    public static void main(String[] arguments) throws InterruptedException {
        HazelcastInstance member = Hazelcast.newHazelcastInstance(config(0, Boolean.parseBoolean(arguments[0])));
        System.out.println(
                "port " + member.getCluster().getLocalMember().getAddress().getPort());
        Thread.currentThread().join();
    }

    private static Config config(int port, boolean bucket4jSerializers) {
        Config config = new Config();
        config.setClusterName("dev");
        config.getNetworkConfig().setPort(port).setPortAutoIncrement(false);
        config.getNetworkConfig().getInterfaces().setEnabled(true).addInterface("127.0.0.1");
        config.getNetworkConfig().getJoin().getMulticastConfig().setEnabled(false);
        config.getNetworkConfig().getJoin().getAutoDetectionConfig().setEnabled(false);
        config.setProperty("hazelcast.phone.home.enabled", "false").setProperty("hazelcast.logging.type", "none");
        serializers(config.getSerializationConfig(), bucket4jSerializers);
        return config;
    }

    private static void serializers(SerializationConfig config, boolean bucket4j) {
        if (bucket4j) {
            HazelcastProxyManager.addCustomSerializers(config, SERIALIZER_TYPES);
        }
    }

    HazelcastInstance caller() {
        return caller;
    }

    /** Returns the CPU time that caller and member have used, in microseconds. */
    long cpuMicros() {
        Duration here = ProcessHandle.current().info().totalCpuDuration().orElse(Duration.ZERO);
        Duration there = process.equals(ProcessHandle.current())
                ? Duration.ZERO
                : process.info().totalCpuDuration().orElse(Duration.ZERO);
        return here.plus(there).toNanos() / 1_000;
    }

    @Override
    public void close() {
        caller.shutdown();
        if (!process.equals(ProcessHandle.current())) {
            process.destroyForcibly();
        }
    }
}
