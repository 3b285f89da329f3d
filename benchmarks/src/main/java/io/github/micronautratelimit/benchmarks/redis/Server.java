package io.github.micronautratelimit.benchmarks.redis;

import io.lettuce.core.FlushMode;
import io.lettuce.core.RedisClient;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import java.util.LinkedHashMap;
import java.util.Map;

/** The measured server and its statistics, on a separate connection. */
final class Server implements AutoCloseable {

    private final StatefulRedisConnection<String, String> connection;
    private final RedisCommands<String, String> commands;

    /**
     * Connects to a server whose database may be emptied.
     *
     * @throws IllegalStateException if it contains keys
     */
    Server(RedisClient client) {
        this.connection = client.connect();
        this.commands = connection.sync();
        long keys = commands.dbsize();
        if (keys > 0) {
            throw new IllegalStateException("The Redis database contains " + keys
                    + " keys, which the benchmark would delete; name an empty database in -Dratelimit.redis.uri.");
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

    /** Returns the CPU time of the thread that runs all commands, including reads and writes, in seconds. */
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
