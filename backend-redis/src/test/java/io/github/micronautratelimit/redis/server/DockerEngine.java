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

/** The machine's Docker engine, if one answers: asked before Testcontainers is, which takes long to find none. */
final class DockerEngine {

    private static final int PORT = 6379;

    private DockerEngine() {
    }

    /** Starts a server from an image; empty, with the reason on the console, where it cannot be. */
    static Optional<String> start(String image) {
        if (!answers()) {
            return Optional.empty();
        }
        try {
            return Optional.of(run(image));
        } catch (RuntimeException | LinkageError e) {
            System.err.println("A Docker engine is there, but starts no " + image + ": " + e.getMessage());
            return Optional.empty();
        }
    }

    /** Testcontainers removes it when the JVM has ended. */
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

    private static boolean answers() {
        String host = System.getenv().getOrDefault("DOCKER_HOST", "");
        if (!host.isEmpty() && !host.startsWith("unix:")) {
            return true;
        }
        Path home = Path.of(System.getProperty("user.home"));
        Path socket = host.isEmpty() ? Path.of("/var/run/docker.sock") : Path.of(URI.create(host).getPath());
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
