package io.github.micronautratelimit.benchmarks.dynamodb;

import com.amazonaws.services.dynamodbv2.local.embedded.DynamoDBEmbedded;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.dynamodb.DynamoDbBackend;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeDefinition;
import software.amazon.awssdk.services.dynamodb.model.BillingMode;
import software.amazon.awssdk.services.dynamodb.model.KeySchemaElement;
import software.amazon.awssdk.services.dynamodb.model.KeyType;
import software.amazon.awssdk.services.dynamodb.model.ScalarAttributeType;

/**
 * Compares limiters for 32 callers behind 4 instances, on one key and on 10 000 keys, then on keys that many instances
 * share and with prefetching. Prints a table.
 */
public final class DynamoDbComparison {

    private static final int CALLERS = 32;
    private static final int INSTANCES = 4;
    private static final int MANY_INSTANCES = 16;
    private static final String TABLE = "ratelimit";

    private final DynamoDbClient store;
    private final long millis;
    private final String rows;
    private final PrintStream out;

    private DynamoDbComparison(DynamoDbClient store, long millis, String rows, PrintStream out) {
        this.store = store;
        this.millis = millis;
        this.rows = rows;
        this.out = out;
    }

    /** Acquires one permit. */
    @FunctionalInterface
    private interface Limiter extends AutoCloseable {

        boolean acquire(String key);

        @Override
        default void close() {}
    }

    /** Creates an instance of a limiter. */
    @FunctionalInterface
    private interface Factory {

        Limiter create(DynamoDbClient client, String namespace);
    }

    /**
     * Runs the comparison.
     *
     * @param arguments the milliseconds per row, 5000 by default; then a part of the names of the rows to measure
     * @throws Exception if a limiter fails
     */
    public static void main(String[] arguments) throws Exception {
        long millis = arguments.length > 0 ? Long.parseLong(arguments[0]) : 5_000;
        compare(millis, arguments.length > 1 ? arguments[1] : "", System.out);
        // Stops the threads of the embedded store.
        System.exit(0);
    }

    static void compare(long millis, String rows, PrintStream out) throws Exception {
        DynamoDbClient store = DynamoDBEmbedded.create().dynamoDbClient();
        store.createTable(table -> table.tableName(TABLE)
                .billingMode(BillingMode.PAY_PER_REQUEST)
                .keySchema(KeySchemaElement.builder()
                        .attributeName("pk")
                        .keyType(KeyType.HASH)
                        .build())
                .attributeDefinitions(AttributeDefinition.builder()
                        .attributeName("pk")
                        .attributeType(ScalarAttributeType.S)
                        .build()));
        new DynamoDbComparison(store, millis, rows, out).run();
    }

    private void run() throws Exception {
        out.println(
                "| keys | instances | limit | limiter | decisions/s | granted/s | requests | write units | read units"
                        + " | $ a million |");
        out.println("|---|---|---|---|---|---|---|---|---|---|");
        measure("ours, token bucket", 1, "10/s", ours("10/s"));
        measure("read and swap, token bucket", 1, "10/s", readAndSwap("10/s"));
        for (String limit : List.of("100/s", "100000/s")) {
            for (int keys : new int[] {1, 10_000}) {
                measure("ours, token bucket", keys, limit, ours(limit));
                measure("ours, fixed window", keys, limit + " fixed", ours(limit + " fixed"));
                measure("ours, sliding window", keys, limit + " sliding", ours(limit + " sliding"));
                measure("read and swap, token bucket", keys, limit, readAndSwap(limit));
            }
        }
        for (int keys : new int[] {500, 10_000}) {
            String limit = "100/s sliding";
            measure("ours, sliding window", keys, MANY_INSTANCES, limit, ours(limit));
        }
        for (int keys : new int[] {1, 1_000}) {
            for (int maxPrefetch : new int[] {0, 100, 1_000}) {
                String name = maxPrefetch == 0 ? "ours, exact, all layers" : "ours, max-prefetch " + maxPrefetch;
                measure(name, keys, 1, "1000000/min", application("1000000/min", maxPrefetch));
            }
        }
    }

    private static Factory ours(String limits) {
        Policy policy = Policy.of("p", limits);
        return (client, namespace) -> {
            DynamoDbBackend backend = DynamoDbBackend.of(client, Runnable::run, TABLE, namespace);
            return key ->
                    backend.acquire(policy, key, 1).toCompletableFuture().join().allowed();
        };
    }

    /** Returns limiters as an application has them, with all layers. */
    private static Factory application(String limits, int maxPrefetch) {
        Policy exact = Policy.of("p" + maxPrefetch, limits);
        Policy policy = maxPrefetch == 0 ? exact : exact.withMaxPrefetch(maxPrefetch);
        return (client, namespace) -> {
            RateLimiter limiter = RateLimiter.builder(DynamoDbBackend.of(client, Runnable::run, TABLE, namespace))
                    .deadline(Duration.ofSeconds(30))
                    .build();
            return new Limiter() {

                @Override
                public boolean acquire(String key) {
                    return limiter.tryAcquire(policy, key).allowed();
                }

                @Override
                public void close() {
                    limiter.close();
                }
            };
        };
    }

    private static Factory readAndSwap(String limit) {
        long permits = Long.parseLong(limit.substring(0, limit.indexOf('/')));
        return (client, namespace) -> {
            ReadAndSwap bucket = new ReadAndSwap(client, TABLE, permits, permits / 1e6);
            return key -> bucket.acquire(namespace + key);
        };
    }

    private void measure(String name, int keys, String limit, Factory factory) throws Exception {
        measure(name, keys, INSTANCES, limit, factory);
    }

    private void measure(String name, int keys, int count, String limit, Factory factory) throws Exception {
        if (!("| " + keys + " | " + count + " | " + limit + " | " + name + " |").contains(rows)) {
            return;
        }
        Bill bill = new Bill(store);
        String namespace = name.replaceAll("[^a-z0-9]", "") + keys + "x" + count + limit.replaceAll("[^a-z0-9]", "");
        List<Limiter> instances = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            instances.add(factory.create(bill.client(), namespace));
        }
        AtomicLong decisions = new AtomicLong();
        AtomicLong granted = new AtomicLong();
        ExecutorService threads = Executors.newFixedThreadPool(CALLERS);
        long began = System.nanoTime();
        long end = began + TimeUnit.MILLISECONDS.toNanos(millis);
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < CALLERS; i++) {
            Limiter instance = instances.get(i % count);
            all.add(threads.submit(() -> {
                do {
                    granted.addAndGet(
                            instance.acquire("key" + ThreadLocalRandom.current().nextInt(keys)) ? 1 : 0);
                    decisions.incrementAndGet();
                } while (System.nanoTime() < end);
            }));
        }
        for (Future<?> each : all) {
            each.get();
        }
        threads.shutdown();
        double seconds = (System.nanoTime() - began) / 1e9;
        // Returns prefetched permits, which costs requests too.
        for (Limiter instance : instances) {
            instance.close();
        }
        double each = decisions.get();
        out.printf(
                "| %d | %d | %s | %s | %.0f | %.0f | %.3f | %.3f | %.3f | %.2f |%n",
                keys,
                count,
                limit,
                name,
                each / seconds,
                granted.get() / seconds,
                (bill.reads() + bill.writes()) / each,
                bill.writes() / each,
                bill.reads() / each,
                bill.writes() / each * 0.625 + bill.reads() / each * 0.125);
    }
}
