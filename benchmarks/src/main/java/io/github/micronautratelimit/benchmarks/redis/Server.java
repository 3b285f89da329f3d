package io.github.micronautratelimit.benchmarks.redis;

import java.util.LinkedHashMap;
import java.util.Map;

import io.lettuce.core.FlushMode;
import io.lettuce.core.RedisClient;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;

/** The server everybody is measured on, and what it tells of itself; on a connection of its own. */
final class Server implements AutoCloseable {

    private final StatefulRedisConnection<String, String> connection;
    private final RedisCommands<String, String> commands;

    /**
     * A server that may be emptied.
     *
     * @throws IllegalStateException if it holds keys
     */
    Server(RedisClient client) {
        this.connection = client.connect();
        this.commands = connection.sync();
        long keys = commands.dbsize();
        if (keys > 0) {
            throw new IllegalStateException("The Redis database to measure on holds " + keys + " keys, which would be lost;"
                    + " name an empty one in -Dratelimit.redis.uri.");
        }
    }

    void empty() {
        commands.flushdb(FlushMode.SYNC);
    }

    void resetStatistics() {
        commands.configResetstat();
    }

    CommandStats commandStats() {
        return new CommandStats(info("commandstats"));
    }

    /** The processor time that the thread which runs all commands has used, also for reading and writing, in seconds. */
    double mainThreadSeconds() {
        Map<String, String> cpu = info("cpu");
        return Double.parseDouble(cpu.getOrDefault("used_cpu_user_main_thread", "NaN"))
                + Double.parseDouble(cpu.getOrDefault("used_cpu_sys_main_thread", "NaN"));
    }

    String version() {
        return info("server").getOrDefault("redis_version", "of an unknown version");
    }

    private Map<String, String> info(String section) {
        Map<String, String> lines = new LinkedHashMap<>();
        commands.info(section).lines().filter(line -> line.contains(":")).forEach(line -> {
            int colon = line.indexOf(':');
            lines.put(line.substring(0, colon), line.substring(colon + 1));
        });
        return lines;
    }

    @Override
    public void close() {
        connection.close();
    }
}
