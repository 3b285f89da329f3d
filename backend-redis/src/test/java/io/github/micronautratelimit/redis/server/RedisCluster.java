package io.github.micronautratelimit.redis.server;

import io.lettuce.core.MigrateArgs;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.cluster.SlotHash;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** A cluster of three masters, each with a third of the hash slots. */
public final class RedisCluster implements AutoCloseable {

    private static final int MASTERS = 3;
    /** So long that a dead node does not fail the whole cluster during a test. */
    private static final String NODE_TIMEOUT = "cluster-node-timeout 60000";

    private final List<RedisProcess> processes;
    private final RedisClients clients = new RedisClients();
    private final List<RedisCommands<String, String>> nodes;

    private RedisCluster(List<RedisProcess> processes) {
        this.processes = processes;
        this.nodes =
                processes.stream().map(process -> clients.server(process.uri())).toList();
    }

    /** Starts a cluster and waits until every node serves requests, and redirects those for slots of others. */
    public static RedisCluster start(String... settings) {
        String[] all = Stream.concat(Stream.of("cluster-enabled yes", NODE_TIMEOUT), Stream.of(settings))
                .toArray(String[]::new);
        RedisCluster cluster = new RedisCluster(
                Stream.generate(() -> RedisProcess.start(all)).limit(MASTERS).toList());
        cluster.join();
        return cluster;
    }

    private void join() {
        for (int i = 0; i < MASTERS; i++) {
            int from = i * SlotHash.SLOT_COUNT / MASTERS;
            int to = (i + 1) * SlotHash.SLOT_COUNT / MASTERS;
            node(i).clusterSetConfigEpoch(i + 1L);
            node(i).clusterAddSlots(IntStream.range(from, to).toArray());
            if (i > 0) {
                node(0).clusterMeet("127.0.0.1", process(i).port());
            }
        }
        // Without full coverage, a node is "ok" before it knows the owner of each slot: it refuses the slots of others.
        Eventually.await("the cluster serves", () -> nodes.stream()
                .map(RedisCommands::clusterInfo)
                .allMatch(info ->
                        info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:" + SlotHash.SLOT_COUNT)));
    }

    /** Returns the URI of a node from which clients discover the others. */
    public String uri() {
        return process(0).uri();
    }

    /** Returns the server of a node. */
    public RedisProcess process(int node) {
        return processes.get(node);
    }

    /** Returns a connection to a node for inspection. */
    public RedisCommands<String, String> node(int node) {
        return nodes.get(node);
    }

    /** Returns a connection to each node for inspection. */
    public List<RedisCommands<String, String>> nodes() {
        return nodes;
    }

    /** Returns the node that owns a hash slot now. */
    public int owner(int slot) {
        for (int i = 0; i < MASTERS; i++) {
            String id = node(i).clusterMyId();
            boolean owns = node(i).clusterSlots().stream()
                    .map(range -> (List<?>) range)
                    .anyMatch(range -> slot >= (Long) range.get(0)
                            && slot <= (Long) range.get(1)
                            && id.equals(((List<?>) range.get(2)).get(2)));
            if (owns) {
                return i;
            }
        }
        throw new IllegalStateException("No node owns the hash slot " + slot + ".");
    }

    /** Begins to move a hash slot. From now on the old owner redirects clients for keys that it no longer has. */
    public void beginMove(int slot, int from, int to) {
        node(to).clusterSetSlotImporting(slot, node(from).clusterMyId());
        node(from).clusterSetSlotMigrating(slot, node(to).clusterMyId());
    }

    /** Moves one key of the slot. Returns whether there was one. */
    public boolean moveKey(int slot, int from, int to) {
        List<String> keys = node(from).clusterGetKeysInSlot(slot, 1);
        if (!keys.isEmpty()) {
            node(from).migrate("127.0.0.1", process(to).port(), 0, 20_000, MigrateArgs.Builder.keys(keys));
        }
        return !keys.isEmpty();
    }

    /** Moves all remaining keys of the slot. */
    public void moveKeys(int slot, int from, int to) {
        boolean more = true;
        while (more) {
            more = moveKey(slot, from, to);
        }
    }

    /** Ends the move. The new owner is notified first, so that the slot always has an owner. */
    public void endMove(int slot, int from, int to) {
        String owner = node(to).clusterMyId();
        node(to).clusterSetSlotNode(slot, owner);
        node(from).clusterSetSlotNode(slot, owner);
    }

    @Override
    public void close() {
        clients.close();
        processes.forEach(RedisProcess::close);
    }
}
