package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.http.RateLimitAttributes;
import io.github.micronautratelimit.redis.HttpLoad.Answer;
import io.github.micronautratelimit.redis.server.Eventually;
import io.github.micronautratelimit.redis.server.RedisProcess;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.runtime.server.EmbeddedServer;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import reactor.blockhound.BlockHound;

/**
 * Checks with BlockHound that the limiter does not block event loops. BlockHound needs the JVM option
 * {@code -XX:+AllowRedefinitionToAddDeleteMethods}.
 */
@Tag("event-loop")
@NeedsRedis(ofItsOwn = true)
class EventLoopTest {

    private static final String SPEC = "event-loop-test";
    private static final Queue<String> BLOCKED = new ConcurrentLinkedQueue<>();

    private RedisProcess redis;
    private EmbeddedServer application;

    @Controller("/event-loop")
    @Requires(property = "spec", value = SPEC)
    static class Routes {

        @Get("/tight")
        @RateLimit(value = "100/365day", key = "{global}")
        String tight(HttpRequest<?> request) {
            return ample(request);
        }

        @Get("/ample")
        @RateLimit(value = "10000000/365day", key = "{global}")
        String ample(HttpRequest<?> request) {
            return RateLimitAttributes.decisions(request)
                    .orElseThrow()
                    .list()
                    .get(0)
                    .source()
                    .name();
        }

        @Get("/blocking")
        String blocking() throws InterruptedException {
            Thread.sleep(1);
            return "done";
        }
    }

    @BeforeAll
    static void watch() {
        BlockHound.install(builder -> builder
                // The client counts its writers under a lock that is held for a few instructions.
                .allowBlockingCallsInside("io.lettuce.core.protocol.SharedLock", "incrementWriters")
                .blockingMethodCallback(method -> {
                    StringBuilder text = new StringBuilder(
                            method + " on " + Thread.currentThread().getName());
                    for (StackTraceElement frame : new Throwable().getStackTrace()) {
                        text.append("\n    at ").append(frame);
                    }
                    BLOCKED.add(text.toString());
                }));
    }

    @BeforeEach
    void start() {
        redis = RedisProcess.start();
        application = ApplicationContext.run(
                EmbeddedServer.class, Map.of("spec", SPEC, "micronaut.server.port", -1, "redis.uri", redis.uri()));
        // The first requests load classes and services from files.
        send("ample", 10, () -> {});
        send("tight", 100, () -> {});
        BLOCKED.clear();
    }

    @AfterEach
    void stop() {
        application.close();
        redis.close();
    }

    private List<Answer> send(String path, int times, Runnable underLoad) {
        try (HttpLoad load = new HttpLoad(application.getPort(), "/event-loop/" + path)) {
            Eventually.await(
                    "enough requests are answered", () -> load.answers().size() > times);
            underLoad.run();
            int before = load.answers().size();
            Eventually.await(
                    "enough requests are answered", () -> load.answers().size() > before + times);
            load.end();
            assertEquals(List.of(), load.unanswered());
            return load.answers();
        }
    }

    private static boolean some(List<Answer> answers, int status, String body) {
        return answers.stream()
                .anyMatch(answer -> answer.status() == status && answer.body().contains(body));
    }

    private static void assertNothingBlocked() {
        assertEquals(List.of(), List.copyOf(BLOCKED));
    }

    @Test
    void blockingRouteIsDetected() {
        send("blocking", 1, () -> {});
        assertTrue(
                BLOCKED.stream().anyMatch(text -> text.contains("sleep") && text.contains("Routes.blocking")),
                BLOCKED::toString);
    }

    @Test
    void decisionsDoNotBlock() {
        assertTrue(some(send("ample", 1_000, () -> {}), 200, "STORE"));
        assertTrue(some(send("tight", 1_000, () -> {}), 429, ""));
        assertNothingBlocked();
    }

    @Test
    void decisionsDoNotBlockWhileRedisHangs() {
        List<Answer> answers = send("ample", 100, redis::pause);
        assertTrue(some(answers, 200, "FALLBACK"));
        redis.resume();
        Eventually.await("Redis decides again", () -> some(send("ample", 10, () -> {}), 200, "STORE"));
        assertNothingBlocked();
    }

    @Test
    void decisionsDoNotBlockAfterRedisHasDied() {
        List<Answer> answers = send("ample", 100, redis::kill);
        assertTrue(some(answers, 200, "FALLBACK"));
        redis.restart();
        Eventually.await("Redis decides again", () -> some(send("ample", 10, () -> {}), 200, "STORE"));
        assertNothingBlocked();
    }
}
