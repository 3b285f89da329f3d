package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;

import javax.sql.DataSource;

import org.h2.jdbcx.JdbcConnectionPool;
import org.junit.jupiter.api.Test;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Guard;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitDefectException;
import io.github.micronautratelimit.RateLimiter;
import io.micronaut.context.ApplicationContext;
import io.micronaut.inject.qualifiers.Qualifiers;

/** A backend of one's own is found by its name, shared by instances, and may fail as any other. */
class SqlBackendTest {

    private static final Policy POLICY = Policy.of("orders", "3/day fixed");

    private static ApplicationContext instance(DataSource database) {
        ApplicationContext context = ApplicationContext.builder()
                .environments("guide").properties(Map.of("ratelimit.backend", "sql", "ratelimit.deadline", "30s")).build();
        context.registerSingleton(DataSource.class, database, Qualifiers.byName("database"));
        return context.start();
    }

    // tag::instances[]
    @Test
    void twoInstancesShareTheirLimits() {
        JdbcConnectionPool database = Databases.inMemory("shared");
        try (ApplicationContext one = instance(database); ApplicationContext other = instance(database)) {
            RateLimiter first = one.getBean(RateLimiter.class);
            RateLimiter second = other.getBean(RateLimiter.class);
            assertTrue(first.acquire(POLICY, "alice", 2).allowed());
            assertEquals(1, second.peek(POLICY, "alice", 0).remaining());
            assertTrue(second.acquire(POLICY, "alice").allowed());
            assertFalse(first.acquire(POLICY, "alice").allowed());
            assertTrue(first.acquire(POLICY, "bob").allowed());
        }
    }
    // end::instances[]

    @Test
    void theDatabasesClockDecides() {
        try (ApplicationContext one = instance(Databases.inMemory("clock"))) {
            Decision decision = one.getBean(RateLimiter.class).acquire(POLICY, "alice", 3);
            long midnight = 86_400 - Instant.now().getEpochSecond() % 86_400;
            long apart = Math.abs(decision.resetAfterMicros() / 1_000_000 - midnight) % 86_400;
            assertTrue(Math.min(apart, 86_400 - apart) < Duration.ofHours(1).toSeconds(), decision::toString);
        }
    }

    @Test
    void aMissingTableIsADefectWhichOnErrorAnswers() {
        JdbcConnectionPool empty = JdbcConnectionPool.create("jdbc:h2:mem:empty;DB_CLOSE_DELAY=-1", "sa", "");
        RateLimiter limiter = new RateLimiter(new SqlBackend(empty, Runnable::run, null), List.of());
        assertThrows(RateLimitDefectException.class, () -> limiter.acquire(POLICY, "alice"));
        try (ApplicationContext one = instance(empty)) {
            Policy open = new Policy("open", POLICY.limits(), OnError.OPEN);
            Decision decision = one.getBean(RateLimiter.class).acquire(open, "alice");
            assertTrue(decision.allowed());
            assertEquals(Decision.Source.FALLBACK, decision.source());
        }
    }

    @Test
    void whatIsNoStateIsADefect() throws SQLException {
        JdbcConnectionPool database = Databases.inMemory("strange");
        RateLimiter limiter = new RateLimiter(new SqlBackend(database, Runnable::run, null), List.of());
        assertTrue(limiter.acquire(POLICY, "alice").allowed());
        try (Connection connection = database.getConnection(); Statement statement = connection.createStatement()) {
            assertEquals(1, statement.executeUpdate("update ratelimit set state = x'7f00'"));
        }
        assertThrows(RateLimitDefectException.class, () -> limiter.acquire(POLICY, "alice"));
        limiter.acquire(POLICY, "bob");
        assertEquals(0, database.getActiveConnections());
    }

    @Test
    void anExecutorThatRefusesIsAFailureWhichOnErrorAnswers() {
        SqlBackend full = new SqlBackend(Databases.inMemory("full"), task -> {
            throw new RejectedExecutionException("full");
        }, null);
        Guard guard = new Guard(full, "sql", Duration.ofSeconds(30), 1, MicroClock.system(), List.of());
        RateLimiter limiter = new RateLimiter(guard, List.of());
        Decision decision = limiter.acquire(new Policy("closed", POLICY.limits(), OnError.CLOSED), "alice");
        assertFalse(decision.allowed());
        assertEquals(Decision.Source.FALLBACK, decision.source());
    }
}
