package io.github.micronautratelimit.redis.server;

import java.io.IOException;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.utility.DockerImageName;

/** The Docker engine of the machine, if one responds. Testcontainers takes long to notice that there is none. */
final class DockerEngine {

    private static final int PORT = 6379;

    private DockerEngine() {}

    /** Starts a server from an image. If that fails, prints the reason and returns empty. */
    static Optional<String> start(String image) {
        if (!responds()) {
            return Optional.empty();
        }
        try {
            return Optional.of(run(image));
        } catch (RuntimeException | LinkageError e) {
            System.err.println("The Docker engine does not start " + image + ": " + e.getMessage());
            return Optional.empty();
        }
    }

    /** Testcontainers removes the container when the JVM has ended. */
    @SuppressWarnings("resource")
    private static String run(String image) {
        GenericContainer<?> container = new GenericContainer<>(DockerImageName.parse(image))
                .withExposedPorts(PORT)
                .waitingFor(Wait.forLogMessage(".*Ready to accept connections.*\\n", 1));
        container.start();
        Runtime.getRuntime().addShutdownHook(new Thread(container::stop));
        System.err.println("The Redis under test runs in a container of " + image + ".");
        return "redis://" + container.getHost() + ":" + container.getMappedPort(PORT);
    }

    private static boolean responds() {
        String host = System.getenv().getOrDefault("DOCKER_HOST", "");
        if (!host.isEmpty() && !host.startsWith("unix:")) {
            return true;
        }
        Path home = Path.of(System.getProperty("user.home"));
        Path socket = host.isEmpty()
                ? Path.of("/var/run/docker.sock")
                : Path.of(URI.create(host).getPath());
        return accepts(socket) || host.isEmpty() && accepts(home.resolve(".docker/run/docker.sock"));
    }

    private static boolean accepts(Path socket) {
        if (!Files.exists(socket)) {
            return false;
        }
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            return channel.isConnected();
        } catch (IOException | UnsupportedOperationException e) {
            return false;
        }
    }
}
