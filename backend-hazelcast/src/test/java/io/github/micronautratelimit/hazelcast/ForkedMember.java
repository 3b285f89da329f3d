package io.github.micronautratelimit.hazelcast;

import com.hazelcast.core.HazelcastInstance;
import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/** A member in another process: a stock member with only Hazelcast on its class path, or one with this library. */
final class ForkedMember implements AutoCloseable {

    private static final String CONFIG =
            """
            hazelcast:
              cluster-name: %s
              properties:
                hazelcast.phone.home.enabled: false
                hazelcast.wait.seconds.before.join: 0
              network:
                port: { port: %d, auto-increment: false }
                public-address: 127.0.0.1:%d
                interfaces: { enabled: true, interfaces: [127.0.0.1] }
                join:
                  multicast: { enabled: false }
                  auto-detection: { enabled: false }
                  tcp-ip: { enabled: true, member-list: [%s] }
            """;

    /** Options of a JVM that runs briefly, which the second compiler would only slow down. */
    private static final List<String> BRIEF = List.of("-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC");

    private final Path folder;
    private final Process process;
    private int calls;

    private ForkedMember(Path folder, Process process) {
        this.folder = folder;
        this.process = process;
    }

    /** Starts a member without this library. */
    static ForkedMember stock(String cluster, int port, List<Integer> ports) {
        return start(cluster, port, ports, List.of("-cp", hazelcastJar()));
    }

    /** Starts a member with this library. */
    static ForkedMember withLibrary(String cluster, int port, List<Integer> ports) {
        return start(cluster, port, ports, List.of("-cp", System.getProperty("java.class.path")));
    }

    /** Starts a member with this library whose clock is ahead. */
    static ForkedMember withClockAhead(String cluster, int port, List<Integer> ports, long millis) {
        return start(
                cluster,
                port,
                ports,
                List.of("-Dcom.hazelcast.clock.offset=" + millis, "-cp", System.getProperty("java.class.path")));
    }

    /** Starts a {@link CallingMember} with other classes in front of the class path. */
    static ForkedMember calling(String cluster, int port, List<Integer> ports, Path classes) {
        return start(
                cluster,
                port,
                ports,
                List.of("-cp", classes + File.pathSeparator + System.getProperty("java.class.path")),
                CallingMember.class.getName());
    }

    private static ForkedMember start(String cluster, int port, List<Integer> ports, List<String> options) {
        return start(cluster, port, ports, options, "com.hazelcast.core.server.HazelcastMemberStarter");
    }

    private static ForkedMember start(
            String cluster, int port, List<Integer> ports, List<String> options, String program) {
        try {
            Path folder = Files.createTempDirectory("ratelimit-hazelcast");
            Path config = folder.resolve("member.yaml");
            Files.writeString(
                    config,
                    CONFIG.formatted(
                            cluster,
                            port,
                            port,
                            String.join(
                                    ", ",
                                    ports.stream()
                                            .map(each -> "127.0.0.1:" + each)
                                            .toList())));
            List<String> command = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/java"));
            command.addAll(BRIEF);
            command.add("-Dhazelcast.config=" + config);
            command.addAll(options);
            command.add(program);
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(folder.resolve("log").toFile())
                    .start();
            Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
            ForkedMember member = new ForkedMember(folder, process);
            member.awaitLogged(program.endsWith("Starter") ? " is STARTED" : "The caller is STARTED");
            return member;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static String hazelcastJar() {
        try {
            return new File(HazelcastInstance.class
                            .getProtectionDomain()
                            .getCodeSource()
                            .getLocation()
                            .toURI())
                    .getPath();
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    /** Has a {@link CallingMember} acquire a permit, and returns its answer. */
    String call(String key) {
        try {
            process.getOutputStream().write((key + "\n").getBytes(StandardCharsets.UTF_8));
            process.getOutputStream().flush();
            String start = "ANSWER " + calls++ + ": ";
            String log = awaitLogged(start);
            while (log.indexOf(';', log.indexOf(start)) < 0) {
                log = log();
            }
            return log.substring(log.indexOf(start) + start.length(), log.indexOf(';', log.indexOf(start)));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private String awaitLogged(String text) throws IOException {
        long since = System.nanoTime();
        String log = log();
        while (!log.contains(text)) {
            if (!process.isAlive() || System.nanoTime() - since > TimeUnit.SECONDS.toNanos(90)) {
                throw new AssertionError("The member did not log \"" + text + "\":\n" + log());
            }
            LockSupport.parkNanos(5_000_000);
            log = log();
        }
        return log;
    }

    private String log() throws IOException {
        return Files.readString(folder.resolve("log"), StandardCharsets.UTF_8);
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** Freezes the process, as a long pause of the machine would, or resumes it. */
    void signal(String name) {
        try {
            int result = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                    .start()
                    .waitFor();
            if (result != 0) {
                throw new AssertionError("kill returned " + result);
            }
            if (name.equals("STOP")) {
                awaitFrozen();
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    /** Waits until every thread has stopped, which some do a little later. Does not wait where there is no /proc. */
    private void awaitFrozen() throws IOException {
        Path threads = Path.of("/proc", Long.toString(process.pid()), "task");
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (Files.isDirectory(threads) && System.nanoTime() < end) {
            try (Stream<Path> all = Files.list(threads)) {
                if (all.allMatch(ForkedMember::isStopped)) {
                    return;
                }
            }
            LockSupport.parkNanos(1_000_000);
        }
    }

    private static boolean isStopped(Path thread) {
        try {
            String stat = Files.readString(thread.resolve("stat"));
            return stat.charAt(stat.lastIndexOf(')') + 2) == 'T';
        } catch (IOException e) {
            // The thread has ended.
            return true;
        }
    }

    @Override
    public void close() {
        process.destroyForcibly();
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        for (File file : List.of(
                folder.resolve("log").toFile(), folder.resolve("member.yaml").toFile(), folder.toFile())) {
            file.delete();
        }
    }
}
