package io.github.micronautratelimit.kafka;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeClusterOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.Uuid;

/** A broker on loopback for all tests of this process, with its log in a temporary folder. */
final class KafkaBroker {

    /** Longer than a slow machine needs. */
    private static final int TIMEOUT_SECONDS = 120;

    private final int port = freePort();

    /** Starts the broker when it is first needed. */
    private static final class Shared {

        static final KafkaBroker BROKER = new KafkaBroker();
    }

    private KafkaBroker() {
        try {
            Path folder = Files.createTempDirectory("kafka");
            Path settings = Files.writeString(folder.resolve("server.properties"), settings(folder));
            Path build = Path.of(System.getProperty("kafka.broker"));
            String classPath = build.resolve("classes") + ":" + Files.readString(build.resolve("class-path"));
            Process process = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-Xmx384m",
                            "-XX:TieredStopAtLevel=1",
                            "-XX:+UseSerialGC",
                            "-cp",
                            classPath,
                            "io.github.micronautratelimit.kafka.broker.Broker",
                            settings.toString(),
                            Uuid.randomUuid().toString())
                    .redirectErrorStream(true)
                    .start();
            Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(process, folder)));
            awaitReady(process);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private String settings(Path folder) {
        int controller = freePort();
        return String.join(
                "\n",
                "process.roles=broker,controller",
                "node.id=1",
                "controller.quorum.bootstrap.servers=127.0.0.1:" + controller,
                "listeners=PLAINTEXT://127.0.0.1:" + port + ",CONTROLLER://127.0.0.1:" + controller,
                "advertised.listeners=PLAINTEXT://127.0.0.1:" + port,
                "controller.listener.names=CONTROLLER",
                "log.dirs=" + folder.resolve("log"),
                "offsets.topic.replication.factor=1",
                "offsets.topic.num.partitions=1",
                "transaction.state.log.replication.factor=1",
                "transaction.state.log.min.isr=1",
                "group.initial.rebalance.delay.ms=0",
                "auto.create.topics.enable=false",
                "");
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The log of a broker without logging settings is empty, so its answer to a client says that it is ready. */
    private void awaitReady(Process process) {
        StringBuffer output = new StringBuffer();
        Thread reader = new Thread(
                () -> process.inputReader(StandardCharsets.UTF_8).lines().forEach(line -> output.append(line)
                        .append('\n')));
        reader.setDaemon(true);
        reader.start();
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", "127.0.0.1:" + port))) {
            admin.describeCluster(
                            new DescribeClusterOptions().timeoutMs((int) TimeUnit.SECONDS.toMillis(TIMEOUT_SECONDS)))
                    .nodes()
                    .get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new AssertionError("The broker did not start; its output:\n" + output, e);
        }
    }

    private static void stop(Process process, Path folder) {
        process.destroyForcibly();
        try {
            process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS);
            try (Stream<Path> files = Files.walk(folder)) {
                files.sorted(Comparator.reverseOrder())
                        .forEach(file -> file.toFile().delete());
            }
        } catch (IOException | InterruptedException e) {
            System.err.println("Could not delete " + folder + ": " + e);
        }
    }

    /** Returns the address for clients; starts the broker when it is first called. */
    static String address() {
        return "127.0.0.1:" + Shared.BROKER.port;
    }

    /** Creates topics. */
    static void createTopics(int partitions, List<String> names) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", address()))) {
            admin.createTopics(names.stream()
                            .map(name -> new NewTopic(name, partitions, (short) 1))
                            .toList())
                    .all()
                    .get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
        }
    }
}
