package io.github.micronautratelimit.dynamodb;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimitBackend.SharedRecord;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.Reservation.Settlement;
import io.github.micronautratelimit.StoreThrottledException;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbServiceClientConfiguration;
import software.amazon.awssdk.services.dynamodb.model.CreateTableRequest;
import software.amazon.awssdk.services.dynamodb.model.CreateTableResponse;
import software.amazon.awssdk.services.dynamodb.model.DeleteItemRequest;
import software.amazon.awssdk.services.dynamodb.model.DeleteItemResponse;
import software.amazon.awssdk.services.dynamodb.model.DescribeTableRequest;
import software.amazon.awssdk.services.dynamodb.model.DescribeTableResponse;
import software.amazon.awssdk.services.dynamodb.model.GetItemRequest;
import software.amazon.awssdk.services.dynamodb.model.GetItemResponse;
import software.amazon.awssdk.services.dynamodb.model.PutItemRequest;
import software.amazon.awssdk.services.dynamodb.model.PutItemResponse;
import software.amazon.awssdk.services.dynamodb.model.UpdateItemRequest;
import software.amazon.awssdk.services.dynamodb.model.UpdateItemResponse;
import software.amazon.awssdk.services.dynamodb.model.UpdateTimeToLiveRequest;
import software.amazon.awssdk.services.dynamodb.model.UpdateTimeToLiveResponse;

/**
 * Keeps the state of keys in a DynamoDB table.
 *
 * <pre>{@code
 * RateLimiter limiter = RateLimiter.builder(DynamoDbBackend.of(client, "ratelimit")).build();
 * }</pre>
 *
 * <p><em>Requests.</em> A decision is one conditional {@code UpdateItem} of one item, for up to 8 limits of a policy.
 * Concurrent charges of a key do not conflict while there are permits for both. A denial writes nothing; a predicted
 * one is a consistent read at a fifth of the price. Several requests of a key in one batch share a write. A request
 * under several policies acquires one after the other, and refunds the permits it took if one denies.
 *
 * <p><em>Items.</em> The key of an item is <code>namespace:policy:hash</code>. The hash is {@link KeyHash#brief} of the
 * key, so it reveals no identity. Items have a {@code ttl}, but no decision depends on when the table deletes them.
 *
 * <p><em>Refunds and reservations.</em> Each is one conditional write too. The key then remembers them, and a caller
 * that does not know this makes one more request. An open reservation adds 40 bytes to the item.
 *
 * <p><em>Time.</em> The clock of the caller decides, because an update cannot read one. If it is off by more than a
 * second, it is corrected by the time in the responses. To learn that time, a backend reads before its first write, and
 * before the first write after the clock was set.
 *
 * <p><em>Failures.</em> Methods do not block, and stages may complete on threads of the client. A stage fails with a
 * {@link StoreThrottledException} if DynamoDB throttles the key, with a
 * {@link java.util.concurrent.TimeoutException} if a write may have been made without a response, and with a
 * {@link NonRetryableStoreException} if AWS rejects the request for another reason: the table is missing, access is
 * denied, the credentials have expired, a request is invalid. The same holds if an item does not contain rate limits.
 * All other failures are those of the client. Give the client an {@code apiCallTimeout}.
 *
 * <p><em>Retries.</em> The retries of the client are not used. If the connection breaks, a read is sent again. Another
 * step may have been made, so the item is read first, and the request is sent again only if it was not made.
 */
public final class DynamoDbBackend implements RateLimitBackend {

    /** The start of a function has 10 seconds, which other beans need too. */
    static final Duration START_TIMEOUT = Duration.ofSeconds(3);

    /** Long enough for a retry after a broken connection. */
    private static final Duration DEADLINE = Duration.ofMillis(500);

    private static final String DEFAULT_NAMESPACE = "ratelimit";
    private static final Policy REHEARSAL = Policy.of("ratelimit-start", "1000/s");

    private final DynamoDbTable table;
    private final Duration startTimeout;
    private final Runnable onClose;
    private final ConcurrencyBackend concurrency;
    private final ItemCache cache = new ItemCache();
    private final AtomicBoolean closed = new AtomicBoolean();
    private volatile @Nullable DynamoDbTable probed;

    /** Creates a backend for tests. A clock that is not a {@link DynamoDbClock} is used as it is. */
    DynamoDbBackend(DynamoDbAsyncClient client, String table, String namespace, MicroClock clock, Runnable onClose) {
        this(client, table, namespace, clock, START_TIMEOUT, onClose);
    }

    DynamoDbBackend(
            DynamoDbAsyncClient client,
            String table,
            String namespace,
            MicroClock clock,
            Duration startTimeout,
            Runnable onClose) {
        this.table = new DynamoDbTable(client, table, namespace, clock);
        this.concurrency = new DynamoDbConcurrencyBackend(this.table);
        this.startTimeout = startTimeout;
        this.onClose = onClose;
    }

    /**
     * Creates a backend in the namespace {@code ratelimit}.
     *
     * @param client remains open when the backend is closed
     * @param table  the name of the table; its partition key is {@code pk}, a string, and it has no sort key
     * @return a backend; wrap it with {@code RateLimiter.builder}
     */
    public static DynamoDbBackend of(DynamoDbAsyncClient client, String table) {
        return of(client, table, DEFAULT_NAMESPACE);
    }

    /**
     * Creates a backend.
     *
     * @param client    remains open when the backend is closed
     * @param table     the name of the table; its partition key is {@code pk}, a string, and it has no sort key
     * @param namespace the start of all keys. Applications that share a table but not their limits need different
     *                  namespaces
     * @return a backend; wrap it with {@code RateLimiter.builder}
     */
    public static DynamoDbBackend of(DynamoDbAsyncClient client, String table, String namespace) {
        return new DynamoDbBackend(client, table, namespace, new DynamoDbClock(), () -> {});
    }

    /**
     * Creates a backend on a blocking client.
     *
     * @param client    remains open when the backend is closed
     * @param executor  runs the calls of the client; with {@code Runnable::run} each caller waits for its own calls
     * @param table     the name of the table; its partition key is {@code pk}, a string, and it has no sort key
     * @param namespace the start of all keys. Applications that share a table but not their limits need different
     *                  namespaces
     * @return a backend; wrap it with {@code RateLimiter.builder}
     */
    public static DynamoDbBackend of(DynamoDbClient client, Executor executor, String table, String namespace) {
        return of(new BlockingClient(client, executor), table, namespace);
    }

    /**
     * Reads an item, which need not exist, to check the table and to open a connection.
     *
     * @param client may have longer timeouts and more retries; {@link #restored} uses it again
     */
    CompletionStage<?> probe(DynamoDbAsyncClient client) {
        DynamoDbTable other = table.with(client);
        probed = other;
        return other.read(other.probeKey());
    }

    /** Makes a decision that concerns no request. Its item expires like any other. */
    CompletionStage<?> rehearse() {
        return acquire(REHEARSAL, "start", 1);
    }

    /**
     * Forgets the time and the items after a snapshot was restored, possibly on another machine and much later. Reads
     * an item, so that a broken connection is replaced before a decision needs it. Waits no longer than the start does.
     */
    void restored() {
        cache.clear();
        table.forgetTime();
        DynamoDbTable other = probed;
        if (other != null) {
            other.read(other.probeKey())
                    .<@Nullable Void>handle((item, failure) -> null)
                    .toCompletableFuture()
                    .completeOnTimeout(null, startTimeout.toNanos(), TimeUnit.NANOSECONDS)
                    .join();
        }
    }

    /** Releases what the backend has opened itself. Further calls do nothing. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            onClose.run();
        }
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return acquireBatch(policy, key, List.of(permits)).thenApply(decisions -> decisions.get(0));
    }

    @Override
    public CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
        List<Long> costs = List.copyOf(permits);
        return costs.isEmpty()
                ? CompletableFuture.completedStage(List.of())
                : change(policy, key, change -> change.acquire(costs));
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return read(policy, key, (state, now) -> Decision.peek(state, permits, now));
    }

    @Override
    public CompletionStage<List<Limit.Usage>> usage(Policy policy, String key) {
        return read(policy, key, LimitState::usage);
    }

    private <T> CompletionStage<T> read(Policy policy, String key, BiFunction<LimitState, Long, T> result) {
        return DynamoDbFailures.classified(
                table.read(table.itemKey(policy, key)).thenApply(found -> {
                    long now = table.micros();
                    return result.apply(Item.read(found, policy).state(policy, now), now);
                }));
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
        return change(policy, key, change -> change.refund(permits, chargedAtMicros));
    }

    @Override
    public CompletionStage<Decision> reserve(Policy policy, String key, UUID id, long permits, long ttlMicros) {
        return change(policy, key, change -> change.make(new ItemStep.Reserve(id, permits, ttlMicros)));
    }

    @Override
    public CompletionStage<Settlement> settle(Policy policy, String key, Reservation.Receipt receipt, long actual) {
        return change(policy, key, change -> change.make(new ItemStep.Settle(receipt, actual)));
    }

    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return change(policy, key, change -> change.block(micros));
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        String itemKey = table.itemKey(policy, key);
        return DynamoDbFailures.classified(
                table.delete(itemKey).whenComplete((done, failure) -> cache.remove(itemKey)));
    }

    private <T> CompletionStage<T> change(Policy policy, String key, Function<ItemChange, CompletionStage<T>> change) {
        String itemKey = table.itemKey(policy, key);
        return DynamoDbFailures.classified(table.withTime(
                itemKey,
                found -> cache.put(itemKey, Item.read(found, policy)),
                now -> change.apply(new ItemChange(table, cache, policy, itemKey, now))));
    }

    @Override
    public Duration deadline() {
        return DEADLINE;
    }

    /** Returns {@code true}, because each call is a request of its own. */
    @Override
    public boolean prefersCoalescing() {
        return true;
    }

    /**
     * Returns the slots, which are kept in an item beside the one of the rate limits. A limit has up to 1000 slots. An
     * item grows by 35 bytes with each holder, and each kilobyte costs a write unit. A step is one conditional update,
     * or two if all slots are taken and some have expired.
     */
    @Override
    public ConcurrencyBackend concurrency() {
        return concurrency;
    }

    /** Returns the text of the item {@code namespace::name}, which has no {@code ttl}. */
    @Override
    public SharedRecord sharedRecord(String name) {
        return new DynamoDbRecord(table, name);
    }

    /**
     * Makes the calls of a blocking client on an executor. A call that has waited for a thread for as long as the
     * timeout of the client is not sent: its caller has given up, and while the store hangs there may be thousands.
     */
    static final class BlockingClient implements DynamoDbAsyncClient {

        private final DynamoDbClient client;
        private final Executor executor;
        private final @Nullable Duration timeout;

        BlockingClient(DynamoDbClient client, Executor executor) {
            this.client = client;
            this.executor = executor;
            this.timeout = timeoutOf(client);
        }

        private static @Nullable Duration timeoutOf(DynamoDbClient client) {
            try {
                return client.serviceClientConfiguration()
                        .overrideConfiguration()
                        .apiCallTimeout()
                        .orElse(null);
            } catch (UnsupportedOperationException e) {
                // The default of the SDK's interface, in clients that wrap another one.
                return null;
            }
        }

        private <T> CompletableFuture<T> call(Supplier<T> call) {
            long since = System.nanoTime();
            return CompletableFuture.supplyAsync(
                    () -> {
                        if (timeout != null && System.nanoTime() - since > timeout.toNanos()) {
                            throw new RejectedExecutionException("A request to DynamoDB was not sent, because no thread"
                                    + " was free for " + timeout.toMillis() + " ms.");
                        }
                        return call.get();
                    },
                    executor);
        }

        @Override
        public CompletableFuture<GetItemResponse> getItem(GetItemRequest request) {
            return call(() -> client.getItem(request));
        }

        @Override
        public CompletableFuture<UpdateItemResponse> updateItem(UpdateItemRequest request) {
            return call(() -> client.updateItem(request));
        }

        @Override
        public CompletableFuture<PutItemResponse> putItem(PutItemRequest request) {
            return call(() -> client.putItem(request));
        }

        @Override
        public CompletableFuture<DeleteItemResponse> deleteItem(DeleteItemRequest request) {
            return call(() -> client.deleteItem(request));
        }

        @Override
        public CompletableFuture<CreateTableResponse> createTable(CreateTableRequest request) {
            return call(() -> client.createTable(request));
        }

        @Override
        public CompletableFuture<DescribeTableResponse> describeTable(DescribeTableRequest request) {
            return call(() -> client.describeTable(request));
        }

        @Override
        public CompletableFuture<UpdateTimeToLiveResponse> updateTimeToLive(UpdateTimeToLiveRequest request) {
            return call(() -> client.updateTimeToLive(request));
        }

        @Override
        public DynamoDbServiceClientConfiguration serviceClientConfiguration() {
            return client.serviceClientConfiguration();
        }

        @Override
        public String serviceName() {
            return client.serviceName();
        }

        @Override
        public void close() {
            client.close();
        }
    }
}
