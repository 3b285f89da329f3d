package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.redis.server.RedisClients;
import io.github.micronautratelimit.redis.server.RedisProcess;
import io.lettuce.core.api.sync.RedisCommands;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The memory of many keys, with what the server needs to find them, which {@code MEMORY USAGE} leaves out. */
@NeedsRedis(ofItsOwn = true)
class MemoryTest {

    private static final int KEYS = 100_000;
    private static final int AT_A_TIME = 5_000;

    /** All permits are taken, so that no key expires during the test. */
    @ParameterizedTest
    @CsvSource({"100/h, 150, 210", "100/day fixed, 150, 210", "100/h sliding, 150, 690"})
    void keyTakesNoMoreThanTheSizingSays(String limits, long least, long most) {
        Policy policy = Policy.of("customers", limits);
        try (RedisProcess process = RedisProcess.start();
                RedisClients clients = new RedisClients();
                RedisBackend backend = RedisBackend.connect(process.uri())) {
            RedisCommands<String, String> server = clients.server(process.uri());
            long before = usedMemory(server);
            for (int start = 0; start < KEYS; start += AT_A_TIME) {
                CompletableFuture.allOf(IntStream.range(start, start + AT_A_TIME)
                                .mapToObj(i -> backend.acquire(policy, "client " + i, policy.capacity())
                                        .toCompletableFuture())
                                .toArray(CompletableFuture<?>[]::new))
                        .join();
            }
            long bytes = (usedMemory(server) - before) / KEYS;
            assertTrue(bytes >= least && bytes <= most, () -> bytes + " bytes");
        }
    }

    private static long usedMemory(RedisCommands<String, String> server) {
        return server.info("memory")
                .lines()
                .filter(line -> line.startsWith("used_memory:"))
                .mapToLong(line -> Long.parseLong(line.substring("used_memory:".length())))
                .findFirst()
                .orElseThrow();
    }
}
