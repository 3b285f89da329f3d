package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.VirtualClock;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import org.h2.jdbcx.JdbcConnectionPool;

// tag::store[]
/** A database in this process. The pools are static, because the suite opens a thousand of these objects. */
class SqlUnderTest implements BackendUnderTest {

    private static final ExecutorService THREADS = Executors.newFixedThreadPool(8, task -> {
        Thread thread = new Thread(task, "sql");
        thread.setDaemon(true);
        return thread;
    });
    private static final JdbcConnectionPool DATABASE = Databases.inMemory("contract");

    private final AtomicLong transactions = new AtomicLong();

    @Override
    public RateLimitBackend connect(MicroClock clock) {
        return new SqlBackend(
                DATABASE,
                task -> THREADS.execute(() -> {
                    transactions.incrementAndGet();
                    task.run();
                }),
                clock);
    }

    /** Counts transactions, because the database is in this process. */
    @Override
    public long roundTrips() {
        return transactions.get();
    }

    @Override
    public long roundTripsPerDecision() {
        return 1;
    }

    @Override
    public long liveKeys() {
        try (Connection connection = DATABASE.getConnection();
                Statement select = connection.createStatement();
                ResultSet count = select.executeQuery("select count(*) from ratelimit")) {
            count.next();
            return count.getLong(1);
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Deletes expired rows, like a scheduled job. */
    @Override
    public void letPass(VirtualClock clock, Duration duration) {
        clock.advance(duration);
        try {
            new SqlBackend(DATABASE, THREADS, clock).deleteExpired();
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public boolean keepsRecords() {
        return false;
    }
}
// end::store[]
