package io.github.micronautratelimit.hazelcast;

import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

import com.hazelcast.core.HazelcastInstance;

/** A member in a process of its own: a stock one with nothing but Hazelcast on its class path, or one with this library. */
final class ForkedMember implements AutoCloseable {

    private static final String CONFIG = """
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

    private final Path folder;
    private final Process process;

    private ForkedMember(Path folder, Process process) {
        this.folder = folder;
        this.process = process;
    }

    static ForkedMember stock(String cluster, int port, List<Integer> ports) {
        return start(cluster, port, ports, hazelcastJar());
    }

    /** One that runs this library too. */
    static ForkedMember withLibrary(String cluster, int port, List<Integer> ports) {
        return start(cluster, port, ports, System.getProperty("java.class.path"));
    }

    private static ForkedMember start(String cluster, int port, List<Integer> ports, String classPath) {
        try {
            Path folder = Files.createTempDirectory("ratelimit-hazelcast");
            Path config = folder.resolve("member.yaml");
            Files.writeString(config, CONFIG.formatted(cluster, port, port,
                    String.join(", ", ports.stream().map(each -> "127.0.0.1:" + each).toList())));
            Process process = new ProcessBuilder(System.getProperty("java.home") + "/bin/java", "-Xmx256m",
                    "-Dhazelcast.config=" + config, "-cp", classPath, "com.hazelcast.core.server.HazelcastMemberStarter")
                    .redirectErrorStream(true).redirectOutput(folder.resolve("log").toFile()).start();
            Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
            ForkedMember member = new ForkedMember(folder, process);
            member.awaitStarted();
            return member;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static String hazelcastJar() {
        try {
            return new File(HazelcastInstance.class.getProtectionDomain().getCodeSource().getLocation().toURI()).getPath();
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    private void awaitStarted() throws IOException {
        long since = System.nanoTime();
        while (!log().contains(" is STARTED")) {
            if (!process.isAlive() || System.nanoTime() - since > TimeUnit.SECONDS.toNanos(90)) {
                throw new AssertionError("The member did not start:\n" + log());
            }
            pause();
        }
    }

    private String log() throws IOException {
        return Files.readString(folder.resolve("log"), StandardCharsets.UTF_8);
    }

    private static void pause() {
        try {
            Thread.sleep(50);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** Stops the process without ending it, as a long pause of the machine would, or lets it go on. */
    void signal(String name) {
        try {
            int result = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start().waitFor();
            if (result != 0) {
                throw new AssertionError("kill said " + result);
            }
            if (name.equals("STOP")) {
                awaitStandstill();
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    /** Each of its threads stops by itself, some a little later; where there is no /proc, nobody waits for them. */
    private void awaitStandstill() throws IOException {
        Path threads = Path.of("/proc", Long.toString(process.pid()), "task");
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (Files.isDirectory(threads) && System.nanoTime() < end) {
            try (Stream<Path> all = Files.list(threads)) {
                if (all.allMatch(ForkedMember::stands)) {
                    return;
                }
            }
            Thread.onSpinWait();
        }
    }

    private static boolean stands(Path thread) {
        try {
            String stat = Files.readString(thread.resolve("stat"));
            return stat.charAt(stat.lastIndexOf(')') + 2) == 'T';
        } catch (IOException e) {
            // It has ended.
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
        for (File file : List.of(folder.resolve("log").toFile(), folder.resolve("member.yaml").toFile(),
                folder.toFile())) {
            file.delete();
        }
    }
}
