package io.github.micronautratelimit.dynamodb;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Function;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.LeaseBackend;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimitDefectException;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/**
 * Keeps every key's state in a DynamoDB table.
 *
 * <p>A decision is one conditional {@code UpdateItem} of one item, for up to 8 limits of a policy, and callers that fit do
 * not disturb each other. A denial writes nothing; one that can be foreseen is a consistent read, at a fifth of the price.
 * Several requests of a key told at once share one write. A request under several policies asks for one after the other
 * and gives back what it took if one denies.
 *
 * <p>A key is an item whose {@code pk} is <code>namespace:policy:hash</code>; the hash is {@link KeyHash#brief} of the key,
 * so no identity can be read from it. An item has a {@code ttl}, but nothing depends on when the table deletes it.
 *
 * <p>The caller's clock decides, because an update cannot read one. It is corrected by the time DynamoDB states in its
 * answers if it is off by more than a second; to learn that, the first decision of a backend reads before it writes.
 *
 * <p>Nothing here waits, and stages may complete on the client's own threads. A stage completes exceptionally with what the
 * client reports, throttling included, which is no denial; with a {@link java.util.concurrent.TimeoutException} if a write
 * may have been made whose answer did not come; with a {@link RateLimitDefectException} if the table is missing,
 * refuses access or what it is asked, or holds something that is no rate limit. How long a request may take and whether it
 * is tried again is the client's to say: give it an {@code apiCallTimeout}, and few retries. A write that the client sends
 * again because its answer was lost is recognised, unless somebody else has written the key in between: then it costs its
 * permits again.
 */
public final class DynamoDbBackend implements RateLimitBackend {

    private static final int MOST_SEEN = 10_000;
    /** A second try included, if the connection broke. */
    private static final Duration DEADLINE = Duration.ofMillis(500);

    private final Table table;
    private final String namespace;
    private final MicroClock clock;
    private final Seen seen = new Seen(MOST_SEEN);
    private final String tableName;
    private final Runnable closing;
    private final LeaseBackend leases;
    private volatile @Nullable Table patient;

    /**
     * A backend on a client that does not block.
     *
     * @param client    stays the caller's to close
     * @param table     the table's name; its partition key is {@code pk}, a string, and it has no sort key
     * @param namespace what the names of all keys start with; applications that share a table and not their limits take
     *                  different ones, none of which is another one's beginning up to a colon
     */
    public DynamoDbBackend(DynamoDbAsyncClient client, String table, String namespace) {
        this(Table.Client.of(client), table, namespace, new StoreClock(), () -> { });
    }

    /**
     * A backend on a client that blocks.
     *
     * @param client    stays the caller's to close
     * @param executor  runs the client's calls; with {@code Runnable::run} callers wait for their own
     * @param table     the table's name; its partition key is {@code pk}, a string, and it has no sort key
     * @param namespace what the names of all keys start with; applications that share a table and not their limits take
     *                  different ones, none of which is another one's beginning up to a colon
     */
    public DynamoDbBackend(DynamoDbClient client, Executor executor, String table, String namespace) {
        this(Table.Client.of(client, executor), table, namespace, new StoreClock(), () -> { });
    }

    /** With a clock of its own, which is believed unless it is one that the store corrects. */
    DynamoDbBackend(Table.Client client, String table, String namespace, MicroClock clock, Runnable closing) {
        this.table = table(table, client, clock);
        this.tableName = table;
        this.namespace = namespace;
        this.clock = clock;
        this.closing = closing;
        this.leases = new DynamoDbLeases(this.table, clock, namespace);
    }

    private static Table table(String name, Table.Client client, MicroClock clock) {
        return new Table(name, client, clock instanceof StoreClock corrected ? corrected : null);
    }

    /** Looks at the table with a client that waits longer and tries again. */
    void connect(Table.Client client, boolean create) {
        Table slow = table(tableName, client, clock);
        new TableAtStart(client, tableName, slow, namespace + ":start").check(create);
        patient = slow;
    }

    /**
     * Begins anew where a snapshot was restored, maybe on another machine and much later: forgets the time and the keys,
     * and reads, so that a broken connection is found out before a decision needs it.
     */
    void restored() {
        seen.forgetAll();
        if (clock instanceof StoreClock corrected) {
            corrected.forget();
        }
        Table slow = patient;
        if (slow != null) {
            slow.read(namespace + ":start").exceptionally(failure -> Map.of()).toCompletableFuture().join();
        }
    }

    @Override
    public void close() {
        closing.run();
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return acquireEach(policy, key, List.of(permits)).thenApply(decisions -> decisions.get(0));
    }

    @Override
    public CompletionStage<List<Decision>> acquireEach(Policy policy, String key, List<Long> permits) {
        List<Long> costs = List.copyOf(permits);
        return costs.isEmpty() ? CompletableFuture.completedStage(List.of())
                : inTime(policy, key, change -> change.acquire(costs));
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return Defect.told(table.read(name(policy, key)).thenApply(found ->
                Verdict.foretold(permits, Item.read(found, policy).under(policy), clock.micros())));
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits) {
        return permits == 0 ? CompletableFuture.completedStage(null)
                : inTime(policy, key, change -> change.refund(permits));
    }

    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return inTime(policy, key, change -> change.block(micros));
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        String name = name(policy, key);
        return Defect.told(table.delete(name).whenComplete((done, failure) -> seen.forget(name)));
    }

    @Override
    public Duration deadline() {
        return DEADLINE;
    }

    /** Begins a change once the time is known. */
    private <T> CompletionStage<T> inTime(Policy policy, String key, Function<Change, CompletionStage<T>> begin) {
        String name = name(policy, key);
        if (clock instanceof StoreClock corrected && !corrected.isSet()) {
            return Defect.told(table.read(name).thenCompose(found -> {
                seen.put(name, Item.read(found, policy));
                return begin.apply(new Change(table, seen, policy, name, clock.micros()));
            }));
        }
        return Defect.told(begin.apply(new Change(table, seen, policy, name, clock.micros())));
    }

    /**
     * Who holds a place under a concurrency limit is in an item beside the one of the key's permits: up to 1000 places, for
     * an item grows by 35 bytes with each, and each kilobyte costs a write unit more. A step is one conditional update; if
     * the places are taken and some have expired, two.
     */
    @Override
    public LeaseBackend leases() {
        return leases;
    }

    private String name(Policy policy, String key) {
        return name(namespace, policy, key);
    }

    static String name(String namespace, Policy policy, String key) {
        return namespace + ":" + policy.name() + ":" + KeyHash.brief(key);
    }
}
