package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.redis.server.Eventually;
import io.github.micronautratelimit.redis.server.RedisProcess;
import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisClient;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.cluster.RedisClusterClient;
import io.lettuce.core.codec.ByteArrayCodec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Batches on a server that dies under load, and in a cluster. */
@NeedsRedis(ofItsOwn = true)
@Timeout(60)
@SuppressWarnings("try") // Busy is only opened and closed.
class BatchFaultTest {

    private static final Policy POLICY = Policy.of("p", "1000000/h");

    @Test
    void noRequestWaitsForADeadServer() throws Exception {
        try (RedisProcess server = RedisProcess.start();
                RedisClient client = RedisClient.create(server.uri())) {
            client.setOptions(ClientOptions.builder()
                    .disconnectedBehavior(ClientOptions.DisconnectedBehavior.REJECT_COMMANDS)
                    .timeoutOptions(TimeoutOptions.enabled(Duration.ofSeconds(2)))
                    .build());
            RedisBackend backend = new RedisBackend(client.connect(ByteArrayCodec.INSTANCE), "ns");
            assertTrue(backend.acquire(POLICY, "key", 1)
                    .toCompletableFuture()
                    .join()
                    .allowed());
            Queue<CompletableFuture<Decision>> stages = new ConcurrentLinkedQueue<>();
            AtomicBoolean stop = new AtomicBoolean();
            List<Thread> callers = IntStream.range(0, 8)
                    .mapToObj(i -> new Thread(() -> {
                        while (!stop.get()) {
                            List<CompletableFuture<Decision>> mine = IntStream.range(0, 50)
                                    .mapToObj(n -> backend.acquire(POLICY, "key " + n, 1)
                                            .toCompletableFuture())
                                    .toList();
                            stages.addAll(mine);
                            CompletableFuture.allOf(mine.toArray(CompletableFuture<?>[]::new))
                                    .exceptionally(failed -> null)
                                    .join();
                        }
                    }))
                    .toList();
            callers.forEach(Thread::start);
            while (stages.size() < 5_000) {
                Thread.onSpinWait();
            }
            server.kill();
            while (stages.stream().noneMatch(CompletableFuture::isCompletedExceptionally)) {
                Thread.onSpinWait();
            }
            stop.set(true);
            for (Thread caller : callers) {
                caller.join(TimeUnit.SECONDS.toMillis(20));
            }
            assertEquals(0, stages.stream().filter(stage -> !stage.isDone()).count(), "requests without an outcome");
            assertTrue(stages.stream()
                            .filter(stage -> !stage.isCompletedExceptionally())
                            .count()
                    >= 1_000);
        }
    }

    @Test
    void requestsInOneHashSlotShareACall() throws Exception {
        try (RedisProcess server = RedisProcess.start("cluster-enabled yes");
                RedisClient direct = RedisClient.create(server.uri());
                RedisClusterClient client = RedisClusterClient.create(server.uri())) {
            var node = direct.connect().sync();
            node.clusterAddSlots(IntStream.range(0, 16384).toArray());
            Eventually.await("the cluster is up", () -> node.clusterInfo().contains("cluster_state:ok"));
            RedisBackend backend = new RedisBackend(client.connect(ByteArrayCodec.INSTANCE), "ns");
            List<Policy> policies = IntStream.range(0, 5)
                    .mapToObj(i -> Policy.of("p" + i, "100" + i + "/h"))
                    .toList();
            assertTrue(backend.acquire(POLICY, "warm", 1)
                    .toCompletableFuture()
                    .join()
                    .allowed());
            List<CompletionStage<Decision>> stages = new ArrayList<>();
            try (BatchTest.Busy busy = new BatchTest.Busy(backend)) {
                node.configResetstat();
                for (int key = 0; key < 4; key++) {
                    for (Policy policy : policies) {
                        stages.add(backend.acquire(policy, "key " + key, 1));
                    }
                }
            }
            for (int i = 0; i < 20; i++) {
                assertEquals(
                        999 + i % 5, stages.get(i).toCompletableFuture().join().remaining());
            }
            String stats = node.info("commandstats");
            assertTrue(stats.contains("cmdstat_evalsha:calls=4,"), stats);
        }
    }
}
