package io.github.micronautratelimit.benchmarks.redis;

import io.lettuce.core.RedisClient;
import io.lettuce.core.resource.ClientResources;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Measures all contenders in every cell and prints a comparison.
 *
 * <p>A round measures all contenders in a cell, one after the other, and continues with the next cell. Other load on
 * the machine then affects all contenders alike. The first contender changes from round to round.
 */
public final class RedisComparison {

    private static final int MOST_IN_FLIGHT = 64;

    private RedisComparison() {}

    /**
     * Runs the comparison on the server of {@code -Dratelimit.redis.uri}, or on a {@code redis-server} from the path.
     *
     * @param arguments {@code full} or {@code quick}
     * @throws Exception if there is no server, or a contender fails
     */
    public static void main(String[] arguments) throws Exception {
        boolean quick = arguments[0].equals("quick");
        String uri = System.getProperty("ratelimit.redis.uri", "");
        if (uri.isBlank()) {
            try (ServerProcess started = start()) {
                compare(started.uri(), quick);
            }
        } else {
            compare(uri, quick);
        }
    }

    private static ServerProcess start() throws IOException {
        try {
            return new ServerProcess();
        } catch (IOException e) {
            throw new IOException(
                    "redis-server is missing on the path. Install it or name a server in -Dratelimit.redis.uri."
                            + " Nothing was measured.",
                    e);
        }
    }

    private static void compare(String uri, boolean quick) throws Exception {
        RedisClient client = RedisClient.create(uri);
        List<Contender> contenders = contenders(client, uri);
        RedisTables tables = new RedisTables();
        try (Server server = new Server(client)) {
            round(contenders, server, Duration.ofMillis(quick ? 200 : 600), new RedisTables());
            for (int round = 1; round <= (quick ? 1 : 5); round++) {
                round(contenders, server, Duration.ofMillis(600), tables);
                Collections.rotate(contenders, 1);
            }
            System.out.println("Redis " + server.version() + ", Java " + Runtime.version() + ", "
                    + Runtime.getRuntime().availableProcessors() + " cores.\n");
            tables.print(System.out);
        } finally {
            contenders.forEach(Contender::close);
            client.shutdown();
        }
    }

    /** Returns all contenders. Each has a separate connection; Redisson has several. */
    static List<Contender> contenders(RedisClient client, String uri) {
        ClientResources resources = client.getResources();
        return new ArrayList<>(List.of(
                new Counter(client),
                Ours.bucket(resources, uri),
                Ours.sliding(resources, uri),
                Ours.fixed(resources, uri),
                Ours.prefetch(resources, uri),
                new Bucket4jLimiter(client, false),
                new Bucket4jLimiter(client, true),
                new RedissonLimiter(uri),
                new GatewayLimiter(client)));
    }

    static List<Cell> cells() {
        List<Cell> cells = new ArrayList<>();
        for (Outcome outcome : Outcome.values()) {
            for (int keys : new int[] {1, 10_000}) {
                for (int inFlight : new int[] {1, MOST_IN_FLIGHT}) {
                    cells.add(new Cell(keys, inFlight, outcome));
                }
            }
        }
        return cells;
    }

    private static void round(List<Contender> contenders, Server server, Duration duration, RedisTables tables)
            throws Exception {
        for (Cell cell : cells()) {
            for (Contender contender : contenders) {
                tables.add(cell, contender.name(), Sample.of(contender, cell, server, duration));
            }
        }
    }
}
