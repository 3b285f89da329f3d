package io.github.micronautratelimit.guide;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;

import javax.sql.DataSource;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.LimitState;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimitDefectException;
import io.github.micronautratelimit.Wire;

// tag::backend[]
/** Keeps every key's state in a row of a table. A decision is one transaction, which locks the row. */
final class SqlBackend implements RateLimitBackend {

    static final String TABLE = """
            create table if not exists ratelimit (
              policy varchar(200), hash char(22), state varbinary(65535) not null, expires bigint not null,
              primary key (policy, hash))""";

    private static final int ATTEMPTS = 3;

    private final DataSource source;
    private final Executor executor;
    private final @Nullable MicroClock clock;

    /** The executor's threads wait for the database. Without a clock, the database's own decides. */
    SqlBackend(DataSource source, Executor executor, @Nullable MicroClock clock) {
        this.source = source;
        this.executor = executor;
        this.clock = clock;
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return step(policy, key, row -> row.decide(permits));
    }

    /** Several requests on one key, in one transaction: for callers who come while another is under way. */
    @Override
    public CompletionStage<List<Decision>> acquireEach(Policy policy, String key, List<Long> permits) {
        return step(policy, key, row -> permits.stream().map(row::decide).toList());
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return step(policy, key, row -> row.verdict(permits));
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits) {
        return step(policy, key, row -> row.change(row.state.refund(permits)));
    }

    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return step(policy, key, row -> row.change(row.state.blockedUntil(row.now + micros)));
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return step(policy, key, row -> row.change(policy.stateAt(null, row.now)));
    }

    /** Deletes the rows that say nothing any more. Call it now and then; it waits for the database. */
    void tidy() throws SQLException {
        try (Connection connection = source.getConnection();
             PreparedStatement delete = connection.prepareStatement("delete from ratelimit where expires <= ?")) {
            delete.setLong(1, now(connection));
            delete.executeUpdate();
        }
    }

    /** A stage that is cancelled while it waits for a thread is never begun. */
    private <T extends @Nullable Object> CompletionStage<T> step(Policy policy, String key, Function<Row, T> step) {
        String hash = KeyHash.brief(key);
        return CompletableFuture.supplyAsync(() -> {
            try (Connection connection = source.getConnection()) {
                connection.setAutoCommit(false);
                return inTransaction(connection, policy, hash, step);
            } catch (SQLException | TimeoutException e) {
                throw new CompletionException(e);
            }
        }, executor);
    }

    private <T extends @Nullable Object> T inTransaction(Connection connection, Policy policy, String hash,
                                                         Function<Row, T> step) throws SQLException, TimeoutException {
        for (int attempt = 1; ; attempt++) {
            try {
                Row row = new Row(connection, policy, hash);
                T answer = step.apply(row);
                row.write();
                commit(connection);
                return answer;
            } catch (SQLException e) {
                connection.rollback();
                if (isOf(e, "42")) {            // no such table, no right to it: waiting does not help
                    throw new RateLimitDefectException(e);
                }
                if (!isOf(e, "23") || attempt == ATTEMPTS) {
                    throw e;
                }                               // another caller has inserted the row meanwhile
            } catch (RuntimeException e) {      // the bytes are no state
                connection.rollback();
                throw new RateLimitDefectException(e);
            }
        }
    }

    /** If this fails nobody knows whether the permits are charged, and a TimeoutException is what says so. */
    private static void commit(Connection connection) throws TimeoutException {
        try {
            connection.commit();
        } catch (SQLException e) {
            throw (TimeoutException) new TimeoutException("The commit was not answered.").initCause(e);
        }
    }

    private static boolean isOf(SQLException e, String sqlStateClass) {
        return e.getSQLState() != null && e.getSQLState().startsWith(sqlStateClass);
    }

    private long now(Connection connection) throws SQLException {
        if (clock != null) {
            return clock.micros();
        }
        try (PreparedStatement select = connection.prepareStatement("select current_timestamp");
             ResultSet found = select.executeQuery()) {
            found.next();
            return ChronoUnit.MICROS.between(Instant.EPOCH, found.getObject(1, OffsetDateTime.class).toInstant());
        }
    }

    /** A key's row, locked until the transaction is over; and the decision on it, which is the core's. */
    private final class Row {

        private final Connection connection;
        private final String policy;
        private final String hash;
        private final boolean isThere;
        private final long now;
        private LimitState state;
        private boolean isChanged;

        Row(Connection connection, Policy policy, String hash) throws SQLException {
            this.connection = connection;
            this.policy = policy.name();
            this.hash = hash;
            byte[] stored = read();
            this.isThere = stored != null;
            this.now = now(connection);
            this.state = policy.stateAt(stored == null ? null : Wire.readState(stored), now);
        }

        Decision decide(long permits) {
            if (permits == 0 || !state.admits(permits)) {
                return verdict(permits);
            }
            change(state.charge(permits));
            return state.grant(now);
        }

        Decision verdict(long permits) {
            return state.admits(permits) ? state.grant(now) : state.denial(permits, now);
        }

        @Nullable Void change(LimitState to) {
            state = to;
            isChanged = true;
            return null;
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

        /** A denial changes nothing, so it writes nothing. */
        void write() throws SQLException {
            if (!isChanged || !isThere && state.isBlank(now)) {
                return;
            }
            try (PreparedStatement write = connection.prepareStatement(isThere
                    ? "update ratelimit set state = ?, expires = ? where policy = ? and hash = ?"
                    : "insert into ratelimit (state, expires, policy, hash) values (?, ?, ?, ?)")) {
                write.setBytes(1, Wire.write(state));
                write.setLong(2, now + state.resetAfter(now));
                write.setString(3, policy);
                write.setString(4, hash);
                write.executeUpdate();
            }
        }
    }
}
// end::backend[]
