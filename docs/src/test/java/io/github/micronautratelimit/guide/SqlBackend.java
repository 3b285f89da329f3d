package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.ReservationRules;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.limit.StateCodec;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

// tag::backend[]
/** Keeps the state of each key in a row of a table. A decision is one transaction that locks the row. */
final class SqlBackend implements RateLimitBackend {

    static final String TABLE =
            """
            create table if not exists ratelimit (
              policy varchar(220), hash char(22), state varbinary(65535) not null, expires bigint not null,
              primary key (policy, hash))""";

    private static final int ATTEMPTS = 3;

    private final DataSource source;
    private final Executor executor;
    private final @Nullable MicroClock clock;

    /** The threads of the executor wait for the database. Without a clock, the clock of the database decides. */
    SqlBackend(DataSource source, Executor executor, @Nullable MicroClock clock) {
        this.source = source;
        this.executor = executor;
        this.clock = clock;
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return step(policy, key, row -> row.decide(permits));
    }

    /** Decides several requests on one key in one transaction, for callers that arrive during another call. */
    @Override
    public CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
        return step(policy, key, row -> permits.stream().map(row::decide).toList());
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return step(policy, key, row -> row.peek(permits));
    }

    @Override
    public CompletionStage<List<Limit.Usage>> usage(Policy policy, String key) {
        return step(policy, key, row -> row.state.usage(row.now));
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
        return step(policy, key, row -> row.change(row.state.refund(permits, chargedAtMicros)));
    }

    @Override
    public CompletionStage<Decision> reserve(Policy policy, String key, UUID id, long permits, long ttlMicros) {
        ReservationRules rules = policy.reservations();
        return step(
                policy, key, row -> row.apply(Reservation.reserve(row.state, id, permits, ttlMicros, rules, row.now)));
    }

    @Override
    public CompletionStage<Reservation.Settlement> settle(
            Policy policy, String key, Reservation.Receipt receipt, long actual) {
        ReservationRules rules = policy.reservations();
        return step(policy, key, row -> row.apply(Reservation.settle(row.state, receipt, actual, rules, row.now)));
    }

    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return step(policy, key, row -> row.change(row.state.blockedUntil(row.now + micros)));
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return step(policy, key, row -> row.change(LimitState.carryOver(policy.rateLimits(), null, row.now)));
    }

    /** Deletes expired rows. Call this regularly; it waits for the database. */
    void deleteExpired() throws SQLException {
        try (Connection connection = source.getConnection();
                PreparedStatement delete = connection.prepareStatement("delete from ratelimit where expires <= ?")) {
            delete.setLong(1, now(connection));
            delete.executeUpdate();
        }
    }

    /** A stage that is cancelled before a thread runs it is not executed. */
    private <T extends @Nullable Object> CompletionStage<T> step(Policy policy, String key, Function<Row, T> step) {
        String hash = KeyHash.brief(key);
        return CompletableFuture.supplyAsync(
                () -> {
                    try (Connection connection = source.getConnection()) {
                        connection.setAutoCommit(false);
                        return inTransaction(connection, policy, hash, step);
                    } catch (SQLException | TimeoutException e) {
                        throw new CompletionException(e);
                    }
                },
                executor);
    }

    private <T extends @Nullable Object> T inTransaction(
            Connection connection, Policy policy, String hash, Function<Row, T> step)
            throws SQLException, TimeoutException {
        for (int attempt = 1; ; attempt++) {
            try {
                Row row = new Row(connection, policy, hash);
                T result = step.apply(row);
                row.write();
                commit(connection);
                return result;
            } catch (SQLException e) {
                connection.rollback();
                if (hasSqlState(e, "42")) { // missing table or permission: a retry cannot succeed
                    throw new NonRetryableStoreException(e);
                }
                if (!hasSqlState(e, "23") || attempt == ATTEMPTS) {
                    throw e;
                } // another caller has inserted the row: retry
            } catch (RuntimeException e) { // the bytes are not a state
                connection.rollback();
                throw new NonRetryableStoreException(e);
            }
        }
    }

    /** If the commit fails, the permits may have been charged. A TimeoutException reports that. */
    private static void commit(Connection connection) throws TimeoutException {
        try {
            connection.commit();
        } catch (SQLException e) {
            throw (TimeoutException) new TimeoutException("The database did not answer the commit.").initCause(e);
        }
    }

    private static boolean hasSqlState(SQLException e, String sqlStateClass) {
        return e.getSQLState() != null && e.getSQLState().startsWith(sqlStateClass);
    }

    private long now(Connection connection) throws SQLException {
        if (clock != null) {
            return clock.micros();
        }
        try (PreparedStatement select = connection.prepareStatement("select current_timestamp");
                ResultSet found = select.executeQuery()) {
            found.next();
            return ChronoUnit.MICROS.between(
                    Instant.EPOCH, found.getObject(1, OffsetDateTime.class).toInstant());
        }
    }

    /** The row of a key, locked until the end of the transaction. The core makes the decision. */
    private final class Row {

        private final Connection connection;
        private final String policy;
        private final String hash;
        private final boolean exists;
        private final long now;
        private LimitState state;
        private boolean isChanged;

        Row(Connection connection, Policy policy, String hash) throws SQLException {
            this.connection = connection;
            this.policy = policy.stateName();
            this.hash = hash;
            byte[] stored = read();
            this.exists = stored != null;
            this.now = now(connection);
            this.state = LimitState.carryOver(
                    policy.rateLimits(), stored == null ? null : StateCodec.readState(stored), now);
        }

        Decision decide(long permits) {
            if (permits == 0 || !state.admits(permits)) {
                return peek(permits);
            }
            change(state.charge(permits));
            return Decision.allowed(state, now);
        }

        Decision peek(long permits) {
            return Decision.peek(state, permits, now);
        }

        @Nullable
        Void change(LimitState to) {
            state = to;
            isChanged = true;
            return null;
        }

        <T> T apply(Reservation.Step<T> step) {
            if (step.next() != null) {
                change(step.next());
            }
            return step.answer();
        }

        private byte @Nullable [] read() throws SQLException {
            try (PreparedStatement select = connection.prepareStatement(
                    "select state from ratelimit where policy = ? and hash = ? for update")) {
                select.setString(1, policy);
                select.setString(2, hash);
                try (ResultSet found = select.executeQuery()) {
                    return found.next() ? found.getBytes(1) : null;
                }
            }
        }

        /** Writes nothing after a denial, which changes nothing. */
        void write() throws SQLException {
            if (!isChanged || !exists && state.isBlank(now)) {
                return;
            }
            try (PreparedStatement write = connection.prepareStatement(
                    exists
                            ? "update ratelimit set state = ?, expires = ? where policy = ? and hash = ?"
                            : "insert into ratelimit (state, expires, policy, hash) values (?, ?, ?, ?)")) {
                write.setBytes(1, StateCodec.write(state));
                write.setLong(2, now + state.expiresAfter(now));
                write.setString(3, policy);
                write.setString(4, hash);
                write.executeUpdate();
            }
        }
    }
}
// end::backend[]
