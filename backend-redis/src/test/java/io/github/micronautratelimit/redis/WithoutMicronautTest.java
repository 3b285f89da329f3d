package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.redis.server.RedisProcess;
import io.micronaut.context.ApplicationContext;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Programs on class paths that lack an optional dependency. */
@NeedsRedis(ofItsOwn = true)
class WithoutMicronautTest {

    /** A program without Micronaut. In a cold JVM, the first calls may miss the deadline. */
    static final class PlainProgram {

        public static void main(String[] args) {
            String uri = args[0];
            // tag::limiter[]
            RateLimiter limiter = RateLimiter.builder(RedisBackend.connect(uri)).build();
            Decision decision = limiter.tryAcquire(Policy.of("api", "100/min"), "alice");
            // end::limiter[]
            while (decision.source() != Decision.Source.STORE) {
                decision = limiter.tryAcquire(Policy.of("api", "100/min"), "bob");
            }
            limiter.close();
            System.out.println(
                    "allowed: " + decision.allowed() + ", Micronaut: " + isPresent("io.micronaut.context.BeanContext"));
        }

        private static boolean isPresent(String className) {
            try {
                Class.forName(className);
                return true;
            } catch (ClassNotFoundException e) {
                return false;
            }
        }
    }

    /** A Micronaut application that uses the limiter bean. */
    static final class Application {

        public static void main(String[] args) {
            try (ApplicationContext context =
                    ApplicationContext.run(Map.of(args[0], args[1], "ratelimit.deadline", "20s"))) {
                Decision decision = context.getBean(RateLimiter.class).tryAcquire(Policy.of("api", "100/min"), "alice");
                System.out.println(decision.remaining() + " by " + decision.source());
            }
        }
    }

    /** A Micronaut application without the integration of the limiter. */
    static final class ApplicationWithoutIntegration {

        public static void main(String[] args) {
            try (ApplicationContext context = ApplicationContext.run(Map.of("redis.uri", args[0]));
                    RateLimiter limiter = RateLimiter.builder(RedisBackend.connect(args[0]))
                            .deadline(Duration.ofSeconds(20))
                            .build()) {
                Decision decision = limiter.tryAcquire(Policy.of("api", "100/min"), "alice");
                System.out.println(decision.remaining() + " by " + decision.source() + ", application running: "
                        + context.isRunning());
            }
        }
    }

    @Test
    void programWithoutMicronautUsesTheBackend() throws IOException {
        try (RedisProcess server = RedisProcess.start()) {
            assertEquals(
                    "allowed: true, Micronaut: false",
                    run(jar -> isMicronaut(jar) || isIntegration(jar), PlainProgram.class, server.uri()));
        }
    }

    @Test
    void applicationWithoutMicronautRedisConnectsByUri() throws IOException {
        try (RedisProcess server = RedisProcess.start()) {
            String output = run(this::isMicronautRedis, Application.class, "redis.uri", server.uri());
            assertTrue(output.endsWith("99 by STORE"), output);
        }
    }

    @Test
    void applicationWithoutMicronautRedisCannotUseSingleProperties() throws IOException {
        assumeTrue(getClass().getResource("RedisBackendFactory.class") != null, "not built for Micronaut 5");
        String output = run(this::isMicronautRedis, Application.class, "redis.host", "localhost");
        assertTrue(
                output.contains("redis has no uri; write redis.uri, or add the dependency "
                        + "io.micronaut.redis:micronaut-redis-lettuce, which reads redis.host and other single "
                        + "properties."),
                output);
    }

    @Test
    void applicationWithoutTheIntegrationStarts() throws IOException {
        try (RedisProcess server = RedisProcess.start()) {
            assertEquals(
                    "99 by STORE, application running: true",
                    run(this::isIntegration, ApplicationWithoutIntegration.class, server.uri()));
        }
    }

    private boolean isMicronaut(File jar) {
        return jar.getName().startsWith("micronaut-");
    }

    private boolean isMicronautRedis(File jar) {
        return jar.getName().startsWith("micronaut-redis-") || jar.getName().startsWith("micronaut-cache-");
    }

    /** Matches the jar of the integration, or its classes if they are built together with this module. */
    private boolean isIntegration(File jar) {
        return jar.getName().startsWith("micronaut-ratelimit-")
                || jar.toString()
                        .contains(Path.of("/micronaut-ratelimit", "target").toString());
    }

    private static String run(Predicate<File> missing, Class<?> program, String... arguments) throws IOException {
        String classPath = Stream.of(
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"))
                                .split(File.pathSeparator))
                .filter(entry -> !missing.test(new File(entry)))
                .collect(Collectors.joining(File.pathSeparator));
        Process process = new ProcessBuilder(Stream.concat(
                                Stream.of(
                                        Path.of(System.getProperty("java.home"), "bin", "java")
                                                .toString(),
                                        "-XX:TieredStopAtLevel=1",
                                        "-XX:+UseSerialGC",
                                        "-cp",
                                        classPath,
                                        program.getName()),
                                Stream.of(arguments))
                        .toList())
                .redirectErrorStream(true)
                .start();
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    }
}
