package io.github.micronautratelimit.benchmarks.redis;

import io.lettuce.core.RedisClient;
import io.lettuce.core.api.StatefulRedisConnection;
import java.util.List;
import java.util.concurrent.CompletionStage;

/** The ceiling: the server's own counter, without a clock. The client compares it with the limit. */
final class Counter implements Contender {

    private final StatefulRedisConnection<String, String> connection;
    private long limit;

    Counter(RedisClient client) {
        this.connection = client.connect();
    }

    @Override
    public String name() {
        return "INCR";
    }

    @Override
    public void limit(Outcome outcome, List<String> keys) {
        limit = outcome == Outcome.ALLOWED ? Long.MAX_VALUE : 1;
    }

    @Override
    public CompletionStage<Boolean> acquire(String key) {
        return connection.async().incr(key).thenApply(count -> count <= limit);
    }

    @Override
    public CommandStats.Total sent(CommandStats stats) {
        return stats.total("incr");
    }

    @Override
    public void close() {
        connection.close();
    }
}
