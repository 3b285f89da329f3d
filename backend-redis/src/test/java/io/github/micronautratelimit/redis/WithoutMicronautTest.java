package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;

import io.github.micronautratelimit.Policy;
import io.lettuce.core.RedisClient;
import io.lettuce.core.codec.ByteArrayCodec;

/** The backend in a program on whose class path there is no class of Micronaut. */
@NeedsRedis
class WithoutMicronautTest {

    private static final String MICRONAUT = "io.micronaut.context.BeanContext";

    /** What an application without Micronaut writes. */
    static final class Program {

        public static void main(String[] args) {
            try (RedisClient client = RedisClient.create(args[0])) {
                RedisBackend backend = new RedisBackend(client.connect(ByteArrayCodec.INSTANCE), args[1]);
                long remaining = backend.acquireBlocking(Policy.of("p", "10/min"), "key", 1).remaining();
                System.out.println("Remaining: " + remaining + ", Micronaut: " + isThere(MICRONAUT)
                        + ", its integration: "
                        + isThere("io.github.micronautratelimit.config.RateLimitConfiguration"));
            }
        }

        private static boolean isThere(String className) {
            try {
                Class.forName(className);
                return true;
            } catch (ClassNotFoundException e) {
                return false;
            }
        }
    }

    @Test
    void theBackendDecides() throws Exception {
        Process program = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp", classPathWithoutMicronaut(), Program.class.getName(), RedisServer.uri(),
                "plain-" + UUID.randomUUID()).redirectErrorStream(true).start();
        String output = new String(program.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals("Remaining: 9, Micronaut: false, its integration: false", output.strip());
    }

    private static String classPathWithoutMicronaut() {
        String integration = Path.of("micronaut-ratelimit", "target").toString();
        return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !new File(entry).getName().startsWith("micronaut-") && !entry.contains(integration))
                .collect(Collectors.joining(File.pathSeparator));
    }
}
