package io.github.micronautratelimit.benchmarks.redis;

import io.lettuce.core.RedisClient;
import io.lettuce.core.ScriptOutputType;
import io.lettuce.core.api.StatefulRedisConnection;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletionStage;

/**
 * A limiter for this comparison that works like Spring Cloud Gateway's: one script, two keys per identity, whole
 * seconds, one connection. Its rate is a whole number of tokens per second. For one request a day, a request therefore
 * costs 86400 tokens.
 */
final class GatewayLimiter implements Contender {

    private static final String[] GENEROUS = {"100", "1000000000", "1"};
    private static final String[] ONE_A_DAY = {"1", "86400", "86400"};

    private final StatefulRedisConnection<String, String> connection;
    private final String digest;
    private String[] arguments = GENEROUS;

    GatewayLimiter(RedisClient client) {
        this.connection = client.connect();
        this.digest = connection.sync().scriptLoad(script());
    }

    private static byte[] script() {
        try (InputStream in = Objects.requireNonNull(GatewayLimiter.class.getResourceAsStream("gateway.lua"))) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public String name() {
        return "gateway's way";
    }

    @Override
    public void limit(Outcome outcome, List<String> keys) {
        arguments = outcome == Outcome.ALLOWED ? GENEROUS : ONE_A_DAY;
    }

    @Override
    public CompletionStage<Boolean> acquire(String key) {
        String[] keys = {"gateway.{" + key + "}.tokens", "gateway.{" + key + "}.timestamp"};
        return connection
                .async()
                .<List<Long>>evalsha(digest, ScriptOutputType.MULTI, keys, arguments)
                .thenApply(reply -> reply.get(0) == 1);
    }

    @Override
    public void close() {
        connection.close();
    }
}
