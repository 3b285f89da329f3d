package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.micronaut.context.ApplicationContext;
import io.micronaut.inject.qualifiers.Qualifiers;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcConnectionPool;
import org.junit.jupiter.api.Test;

/** Tests the custom backend in an application: its name, its sharing by instances, and its failures. */
class SqlBackendTest {

    private static final Policy POLICY = Policy.of("orders", "3/day fixed");

    private static ApplicationContext instance(DataSource database) {
        ApplicationContext context = ApplicationContext.builder()
                .environments("guide")
                .properties(Map.of("ratelimit.backend", "sql", "ratelimit.deadline", "30s"))
                .build();
        context.registerSingleton(DataSource.class, database, Qualifiers.byName("database"));
        return context.start();
    }

    // tag::instances[]
    @Test
    void twoInstancesShareTheirLimits() {
        JdbcConnectionPool database = Databases.inMemory("shared");
        try (ApplicationContext one = instance(database);
                ApplicationContext other = instance(database)) {
            RateLimiter first = one.getBean(RateLimiter.class);
            RateLimiter second = other.getBean(RateLimiter.class);
            assertTrue(first.tryAcquire(POLICY, "alice", 2).allowed());
            assertEquals(1, second.peek(POLICY, "alice", 0).remaining());
            assertTrue(second.tryAcquire(POLICY, "alice").allowed());
            assertFalse(first.tryAcquire(POLICY, "alice").allowed());
            assertTrue(first.tryAcquire(POLICY, "bob").allowed());
        }
    }
    // end::instances[]

    @Test
    void databaseClockDecides() {
        try (ApplicationContext one = instance(Databases.inMemory("clock"))) {
            Decision decision = one.getBean(RateLimiter.class).tryAcquire(POLICY, "alice", 3);
            long midnight = 86_400 - Instant.now().getEpochSecond() % 86_400;
            long apart = Math.abs(decision.resetAfterMicros() / 1_000_000 - midnight) % 86_400;
            assertTrue(Math.min(apart, 86_400 - apart) < Duration.ofHours(1).toSeconds(), decision::toString);
        }
    }

    @Test
    void missingTableIsAPermanentErrorAndOnErrorDecides() {
        JdbcConnectionPool empty = JdbcConnectionPool.create("jdbc:h2:mem:empty;DB_CLOSE_DELAY=-1", "sa", "");
        RateLimiter limiter = RateLimiter.builder(new SqlBackend(empty, Runnable::run, null))
                .unguarded()
                .build();
        assertThrows(NonRetryableStoreException.class, () -> limiter.tryAcquire(POLICY, "alice"));
        try (ApplicationContext one = instance(empty)) {
            Policy open = Policy.of("open", POLICY.rateLimits()).withOnError(OnError.OPEN);
            Decision decision = one.getBean(RateLimiter.class).tryAcquire(open, "alice");
            assertTrue(decision.allowed());
            assertEquals(Decision.Source.FALLBACK, decision.source());
        }
    }

    @Test
    void invalidStateIsAPermanentError() throws SQLException {
        JdbcConnectionPool database = Databases.inMemory("invalid");
        RateLimiter limiter = RateLimiter.builder(new SqlBackend(database, Runnable::run, null))
                .unguarded()
                .build();
        assertTrue(limiter.tryAcquire(POLICY, "alice").allowed());
        try (Connection connection = database.getConnection();
                Statement statement = connection.createStatement()) {
            assertEquals(1, statement.executeUpdate("update ratelimit set state = x'7f00'"));
        }
        assertThrows(NonRetryableStoreException.class, () -> limiter.tryAcquire(POLICY, "alice"));
        limiter.tryAcquire(POLICY, "bob");
        assertEquals(0, database.getActiveConnections());
    }

    @Test
    void rejectedTaskIsAFailureAndOnErrorDecides() {
        SqlBackend full = new SqlBackend(
                Databases.inMemory("full"),
                task -> {
                    throw new RejectedExecutionException("full");
                },
                null);
        RateLimiter limiter = RateLimiter.builder(full).build();
        Decision decision =
                limiter.tryAcquire(Policy.of("closed", POLICY.rateLimits()).withOnError(OnError.CLOSED), "alice");
        assertFalse(decision.allowed());
        assertEquals(Decision.Source.FALLBACK, decision.source());
    }
}
