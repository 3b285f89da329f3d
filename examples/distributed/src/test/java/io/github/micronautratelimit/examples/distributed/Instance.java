package io.github.micronautratelimit.examples.distributed;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** An instance of the application: a separate process on free ports. */
final class Instance implements AutoCloseable {

    private static final Pattern RUNNING = Pattern.compile("Server Running: http://[^ ]*:(\\d+)");

    private final Child process;
    private final int management;

    private Instance(Child process, int management) {
        this.process = process;
        this.management = management;
    }

    /** Starts an instance with environment variables and options such as {@code -Dname=value}. */
    static Instance start(Map<String, String> environment, String... options) {
        int management = Ports.free();
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Xmx192m",
                // The log configuration of the application, which logs that the server is running.
                "-Dlogback.configurationFile=logback.xml",
                "-Dmicronaut.server.host=127.0.0.1",
                "-Dmicronaut.server.port=-1",
                "-Dendpoints.all.port=" + management));
        command.addAll(List.of(options));
        command.addAll(List.of(
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                Application.class.getName()));
        return new Instance(Child.start(environment, RUNNING, command), management);
    }

    /** Returns the address for clients. */
    URI uri(String path) {
        return URI.create("http://127.0.0.1:" + process.ready(1) + path);
    }

    /** Returns the status of a response to a client. */
    int status(String path) {
        return status(uri(path));
    }

    /** Returns the status of a response to a probe of Kubernetes. */
    int probe(String path) {
        return status(URI.create("http://127.0.0.1:" + management + path));
    }

    private static int status(URI uri) {
        try {
            return HttpClient.newHttpClient()
                    .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.discarding())
                    .statusCode();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    /** Ends the instance like a crash. */
    void kill() {
        process.kill();
    }

    /** Ends the instance like Kubernetes and waits for its end. */
    void stop() {
        process.stop();
    }

    @Override
    public void close() {
        kill();
    }
}
