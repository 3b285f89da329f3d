package io.github.micronautratelimit.guide;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import org.h2.jdbcx.JdbcConnectionPool;

/** Databases in this process. */
final class Databases {

    private Databases() {}

    /** Returns the database with a name, and creates it with its table if necessary. */
    static JdbcConnectionPool inMemory(String name) {
        JdbcConnectionPool pool =
                JdbcConnectionPool.create("jdbc:h2:mem:" + name + ";DB_CLOSE_DELAY=-1;LOCK_TIMEOUT=60000", "sa", "");
        try (Connection connection = pool.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(SqlBackend.TABLE);
            return pool;
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }
}
