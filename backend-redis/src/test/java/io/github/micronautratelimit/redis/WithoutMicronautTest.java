package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Guard;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimiter;
import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisClient;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.codec.ByteArrayCodec;

/** The backend in a program on whose class path there is no class of Micronaut. */
@NeedsRedis
class WithoutMicronautTest {

    private static final String MICRONAUT = "io.micronaut.context.BeanContext";

    /** What an application without Micronaut writes. */
    static final class Program {

        public static void main(String[] args) {
            String uri = args[0];
            String namespace = args[1];
            // tag::limiter[]
            RedisClient client = RedisClient.create(uri);
            client.setOptions(ClientOptions.builder()
                    .disconnectedBehavior(ClientOptions.DisconnectedBehavior.REJECT_COMMANDS)
                    .timeoutOptions(TimeoutOptions.enabled(Duration.ofMillis(200))).build());
            RateLimitBackend redis = new RedisBackend(client.connect(ByteArrayCodec.INSTANCE), namespace);
            RateLimiter limiter = new RateLimiter(new Guard(redis, Duration.ofMillis(100), List.of()), List.of());
            // end::limiter[]
            Decision decision = limiter.acquire(Policy.of("p", "10/min"), "key", 1);
            System.out.println("Remaining: " + decision.remaining() + " by " + decision.source() + ", Micronaut: "
                    + isThere(MICRONAUT) + ", its integration: "
                    + isThere("io.github.micronautratelimit.config.RateLimitConfiguration"));
            client.shutdown();
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
        assertEquals("Remaining: 9 by STORE, Micronaut: false, its integration: false", output.strip());
    }

    private static String classPathWithoutMicronaut() {
        String integration = Path.of("micronaut-ratelimit", "target").toString();
        return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !new File(entry).getName().startsWith("micronaut-") && !entry.contains(integration))
                .collect(Collectors.joining(File.pathSeparator));
    }
}
