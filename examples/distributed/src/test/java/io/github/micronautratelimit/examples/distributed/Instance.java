package io.github.micronautratelimit.examples.distributed;

import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** An instance of the application: a process of its own, on a free port. */
final class Instance implements AutoCloseable {

    private static final Pattern RUNNING = Pattern.compile("Server Running: http://[^ ]*:(\\d+)");

    private final Child process;

    private Instance(Child process) {
        this.process = process;
    }

    /** Starts it with settings from its environment, and options such as {@code -Dname=value}. */
    static Instance start(Map<String, String> environment, String... options) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx192m",
                // As it logs without tests: that it is running, for one.
                "-Dlogback.configurationFile=logback.xml",
                "-Dmicronaut.server.host=127.0.0.1", "-Dmicronaut.server.port=-1"));
        command.addAll(List.of(options));
        command.addAll(List.of("-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                Application.class.getName()));
        return new Instance(Child.start(environment, RUNNING, command));
    }

    /** Where it answers. */
    URI uri(String path) {
        return URI.create("http://127.0.0.1:" + process.ready(1) + path);
    }

    /** Ends it as a crash would. */
    void kill() {
        process.kill();
    }

    /** Ends it as Kubernetes does; returns when it has ended. */
    void stop() {
        process.stop();
    }

    @Override
    public void close() {
        kill();
    }
}
