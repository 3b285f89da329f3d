package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.StoreFailure;
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
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An application under load while its Redis hangs and recovers. The bounds on times leave room for a busy machine; the
 * measured times are logged at INFO.
 */
@NeedsRedis(ofItsOwn = true)
class StoppedRedisTest {

    /** The key that all requests share. */
    private static final String GLOBAL = "";

    private static final Logger LOG = LoggerFactory.getLogger(StoppedRedisTest.class);
    private static final String SPEC = "stopped-redis-test";
    /** The period is so long that no permit returns during a test. */
    private static final long MANY = 10_000_000;

    private static final long FEW = 100;
    private static final Duration DEADLINE = Duration.ofMillis(100);
    /** Shorter than the silence after which the connection is replaced, so that no sent command is lost. */
    private static final Duration STOPPED = Duration.ofSeconds(2);

    @Controller("/outage")
    @Requires(property = "spec", value = SPEC)
    static class Limited {

        @Get("/many")
        @RateLimit(value = MANY + "/365day", policy = "many", key = "{global}")
        String many(HttpRequest<?> request) {
            return source(request);
        }

        @Get("/few")
        @RateLimit(value = FEW + "/365day", policy = "few", key = "{global}")
        String few(HttpRequest<?> request) {
            return source(request);
        }

        private static String source(HttpRequest<?> request) {
            return RateLimitAttributes.decisions(request)
                    .orElseThrow()
                    .list()
                    .get(0)
                    .source()
                    .name();
        }
    }

    /** Records when the breaker opens. */
    @Singleton
    @Requires(property = "spec", value = SPEC)
    static class BreakerWatch implements RateLimitListener {

        private final AtomicLong openSince = new AtomicLong();
        private final AtomicLong late = new AtomicLong();

        @Override
        public boolean isInline() {
            return true;
        }

        @Override
        public void onError(StoreFailure failure) {
            if (String.valueOf(failure.cause().getMessage()).contains("breaker is open")) {
                openSince.compareAndSet(0, System.nanoTime());
            } else {
                late.incrementAndGet();
            }
        }
    }

    private static EmbeddedServer start(RedisProcess redis) {
        return ApplicationContext.run(
                EmbeddedServer.class,
                Map.of(
                        "spec",
                        SPEC,
                        "micronaut.server.port",
                        -1,
                        "redis.uri",
                        redis.uri(),
                        "ratelimit.deadline",
                        DEADLINE.toMillis() + "ms"));
    }

    @Test
    void hangingRedisCostsRequestsAtMostTheDeadlineAndIsExactAfterwards() {
        try (RedisProcess redis = RedisProcess.start();
                EmbeddedServer application = start(redis)) {
            BreakerWatch breaker = application.getApplicationContext().getBean(BreakerWatch.class);
            try (HttpLoad load = new HttpLoad(application.getPort(), "/outage/many")) {
                Eventually.await("the load has started", () -> load.answers().size() > 4_000);
                assertEquals(List.of(), load.unanswered());

                long stopped = System.nanoTime();
                redis.pause();
                Eventually.await("the pause is over", () -> System.nanoTime() - stopped > STOPPED.toNanos());
                long resumed = System.nanoTime();
                redis.resume();
                Eventually.await("Redis decides again", () -> load.answers().stream()
                        .anyMatch(answer -> answer.askedAt() > resumed && isFrom(Decision.Source.STORE, answer)));
                long back = firstFromStoreAfter(resumed, load) - resumed;
                int answeredByThen = load.answers().size();
                Eventually.await("the load continues", () -> load.answers().size() > answeredByThen + 1_000);
                load.end();

                assertEquals(List.of(), load.unanswered());
                assertTrue(load.answers().stream().allMatch(answer -> answer.status() == 200));
                long openSince = breaker.openSince.get();
                double before =
                        p99(load, answer -> answer.askedAt() < openSince && isFrom(Decision.Source.FALLBACK, answer));
                double after = p99(load, answer -> answer.askedAt() > openSince && answer.askedAt() < resumed);
                LOG.info(
                        "p99 with Redis {} ms; without, until the breaker opens {} ms, then {} ms; back after {} ms",
                        p99(load, answer -> answer.askedAt() < stopped - DEADLINE.toNanos()),
                        before,
                        after,
                        back / 1e6);
                assertTrue(before < DEADLINE.toMillis() + 400, () -> before + " ms until the breaker opened");
                assertTrue(after < 100, () -> after + " ms with the breaker open");
                assertTrue(back < Duration.ofSeconds(10).toNanos(), () -> "back after " + back + " ns");
                assertEveryPermitIsCharged(application, load.answers().size(), breaker.late.get());
            }
            assertExact(application);
        }
    }

    private static boolean isFrom(Decision.Source source, Answer answer) {
        return answer.body().equals(source.name());
    }

    private static long firstFromStoreAfter(long instant, HttpLoad load) {
        return load.answers().stream()
                .filter(answer -> answer.askedAt() > instant && isFrom(Decision.Source.STORE, answer))
                .mapToLong(answer -> answer.askedAt() + answer.nanos())
                .min()
                .orElseThrow();
    }

    /** Returns the 99th percentile of the response times in milliseconds. */
    private static double p99(HttpLoad load, Predicate<Answer> which) {
        long[] sorted = load.answers().stream()
                .filter(which)
                .mapToLong(Answer::nanos)
                .sorted()
                .toArray();
        assertTrue(sorted.length > 0);
        return sorted[(int) Math.ceil(sorted.length * 0.99) - 1] / 1e6;
    }

    /**
     * Asserts that local grants are charged afterwards, except those of late calls, which Redis may not have received.
     */
    private static void assertEveryPermitIsCharged(EmbeddedServer application, long granted, long late) {
        RateLimiter limiter = application.getApplicationContext().getBean(RateLimiter.class);
        Policy policy = Policy.of("many", MANY + "/365day");
        Eventually.await("all grants are charged", () -> {
            Decision decision = limiter.peek(policy, GLOBAL, 0);
            long spent = MANY - decision.remaining();
            assertTrue(spent <= granted, () -> spent + " charged, " + granted + " granted");
            return decision.source() == Decision.Source.STORE && spent >= granted - late;
        });
    }

    private static void assertExact(EmbeddedServer application) {
        try (HttpLoad load = new HttpLoad(application.getPort(), "/outage/few")) {
            Eventually.await("the limit is reached", () -> load.answers().size() > 3 * FEW);
            load.end();
            assertEquals(List.of(), load.unanswered());
            assertEquals(
                    FEW,
                    load.answers().stream()
                            .filter(answer -> answer.status() == 200)
                            .count());
            assertTrue(load.answers().stream()
                    .filter(answer -> answer.status() == 200)
                    .allMatch(answer -> isFrom(Decision.Source.STORE, answer)));
            assertTrue(load.answers().stream().allMatch(answer -> answer.status() == 200 || answer.status() == 429));
        }
    }
}
