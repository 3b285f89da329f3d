package io.github.micronautratelimit.redis.server;

import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import io.lettuce.core.MigrateArgs;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.cluster.SlotHash;

/** A cluster of three masters, each with a third of the slots. */
public final class RedisCluster implements AutoCloseable {

    private static final int MASTERS = 3;
    /** No test waits for nodes to give a dead one up. */
    private static final String PATIENT = "cluster-node-timeout 60000";

    private final List<RedisProcess> processes;
    private final RedisClients clients = new RedisClients();
    private final List<RedisCommands<String, String>> nodes;

    private RedisCluster(List<RedisProcess> processes) {
        this.processes = processes;
        this.nodes = processes.stream().map(process -> clients.server(process.uri())).toList();
    }

    /** Starts one and waits until every node serves. */
    public static RedisCluster start(String... settings) {
        String[] all = Stream.concat(Stream.of("cluster-enabled yes", PATIENT), Stream.of(settings))
                .toArray(String[]::new);
        RedisCluster cluster = new RedisCluster(Stream.generate(() -> RedisProcess.start(all)).limit(MASTERS).toList());
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
        Eventually.await("the cluster serves", () -> nodes.stream().map(RedisCommands::clusterInfo).allMatch(info ->
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:" + MASTERS)));
    }

    /** Where a client may ask for the others. */
    public String uri() {
        return process(0).uri();
    }

    /** The server that is a node. */
    public RedisProcess process(int node) {
        return processes.get(node);
    }

    /** What a node is asked directly. */
    public RedisCommands<String, String> node(int node) {
        return nodes.get(node);
    }

    /** What each node is asked directly. */
    public List<RedisCommands<String, String>> nodes() {
        return nodes;
    }

    /** The node that has a slot now. */
    public int owner(int slot) {
        for (int i = 0; i < MASTERS; i++) {
            String id = node(i).clusterMyId();
            boolean owns = node(i).clusterSlots().stream().map(range -> (List<?>) range).anyMatch(range ->
                    slot >= (Long) range.get(0) && slot <= (Long) range.get(1)
                            && id.equals(((List<?>) range.get(2)).get(2)));
            if (owns) {
                return i;
            }
        }
        throw new IllegalStateException("Nobody has slot " + slot + ".");
    }

    /** The first half of a move: from here on, keys that the old owner does not have any more are asked of the new. */
    public void beginMove(int slot, int from, int to) {
        node(to).clusterSetSlotImporting(slot, node(from).clusterMyId());
        node(from).clusterSetSlotMigrating(slot, node(to).clusterMyId());
    }

    /** Moves one of the slot's keys; says whether there was one. */
    public boolean moveKey(int slot, int from, int to) {
        List<String> keys = node(from).clusterGetKeysInSlot(slot, 1);
        if (!keys.isEmpty()) {
            node(from).migrate("127.0.0.1", process(to).port(), 0, 20_000, MigrateArgs.Builder.keys(keys));
        }
        return !keys.isEmpty();
    }

    /** Moves all keys that are left. */
    public void moveKeys(int slot, int from, int to) {
        boolean more = true;
        while (more) {
            more = moveKey(slot, from, to);
        }
    }

    /** The end of a move. The receiver is told first, so that the slot always has an owner. */
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
