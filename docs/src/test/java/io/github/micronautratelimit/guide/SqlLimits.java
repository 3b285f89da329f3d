package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.RateLimitBackend;
import io.micronaut.context.annotation.Bean;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Requires;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.Scheduled;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.sql.SQLException;
import java.util.concurrent.ExecutorService;
import javax.sql.DataSource;

// tag::factory[]
@Factory
@Requires(property = "ratelimit.backend", value = "sql")
class SqlLimits {

    @Singleton
    @Named("sql")
    @Bean(typed = {SqlBackend.class, RateLimitBackend.class})
    SqlBackend sqlBackend(DataSource source, @Named(TaskExecutors.BLOCKING) ExecutorService executor) {
        return new SqlBackend(source, executor, null);
    }

    @Singleton
    @Requires(bean = SqlBackend.class)
    static class ExpiredRowsJob {

        private final SqlBackend backend;

        ExpiredRowsJob(SqlBackend backend) {
            this.backend = backend;
        }

        @Scheduled(initialDelay = "1m", fixedDelay = "1m")
        void deleteExpired() throws SQLException {
            backend.deleteExpired();
        }
    }
}
// end::factory[]
