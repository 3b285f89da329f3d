package io.github.micronautratelimit.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.StoreThrottledException;
import io.github.micronautratelimit.dynamodb.DynamoDbBackend.BlockingClient;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.NoRouteToHostException;
import java.net.ServerSocket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.ApiCallAttemptTimeoutException;
import software.amazon.awssdk.core.exception.ApiCallTimeoutException;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;
import software.amazon.awssdk.services.dynamodb.model.DynamoDbException;
import software.amazon.awssdk.services.dynamodb.model.ProvisionedThroughputExceededException;
import software.amazon.awssdk.services.dynamodb.model.ReplicatedWriteConflictException;
import software.amazon.awssdk.services.dynamodb.model.RequestLimitExceededException;
import software.amazon.awssdk.services.dynamodb.model.TransactionConflictException;

/** Failures between the backend and the table. */
class FaultTest {

    private static final int CALLS = 20;

    private final String namespace = "fault-" + UUID.randomUUID();
    private final Policy policy = Policy.of("p", Limit.parseAll("10/h")).withOnError(OnError.CLOSED);

    private DynamoDbBackend backend(DynamoDbAsyncClient client) {
        return backend(client, LocalDynamoDb.TABLE);
    }

    private DynamoDbBackend backend(DynamoDbAsyncClient client, String table) {
        return new DynamoDbBackend(client, table, namespace, DynamoDbClock::machineMicros, () -> {});
    }

    private DynamoDbBackend working() {
        return backend(LocalDynamoDb.asyncClient());
    }

    private Decision acquire(DynamoDbBackend backend, long permits) {
        return backend.acquire(policy, "key", permits).toCompletableFuture().join();
    }

    private static DynamoDbAsyncClient failing(RuntimeException failure) {
        return new InterceptedClient(LocalDynamoDb.client()) {
            @Override
            <T> CompletableFuture<T> call(Supplier<T> request) {
                return CompletableFuture.failedFuture(failure);
            }
        };
    }

    static List<RuntimeException> throttlings() {
        return List.of(
                ProvisionedThroughputExceededException.builder()
                        .message("slow down")
                        .build(),
                RequestLimitExceededException.builder().message("slow down").build(),
                DynamoDbException.builder()
                        .message("slow down")
                        .statusCode(400)
                        .awsErrorDetails(AwsErrorDetails.builder()
                                .errorCode("ThrottlingException")
                                .build())
                        .build());
    }

    /** A throttled table has not decided, so the on-error of the policy decides. Each call waits for its retries. */
    @ParameterizedTest
    @MethodSource("throttlings")
    @Execution(ExecutionMode.CONCURRENT)
    void throttlingIsAFailureAndNotADenial(RuntimeException throttled) {
        DynamoDbBackend backend = backend(failing(throttled));
        for (CompletionStage<?> stage : List.of(
                backend.acquire(policy, "key", 1),
                backend.peek(policy, "key", 1),
                backend.refund(policy, "key", 1, LimitState.LATEST),
                backend.reset(policy, "key"))) {
            CompletionException e = assertThrows(
                    CompletionException.class, () -> stage.toCompletableFuture().join());
            assertInstanceOf(StoreThrottledException.class, e.getCause());
            assertEquals(throttled, e.getCause().getCause());
        }
        Policy open = Policy.of("open", policy.rateLimits()).withOnError(OnError.OPEN);
        try (RateLimiter limiter =
                RateLimiter.builder(backend).deadline(Duration.ofSeconds(5)).build()) {
            assertEquals(
                    Decision.Source.FALLBACK, limiter.tryAcquire(open, "key").source());
            assertTrue(limiter.tryAcquire(open, "key").allowed());
            assertEquals(2, limiter.stats().store().failures());
            assertEquals(0, limiter.stats().store().permanentFailures());
        }
        assertEquals(9, acquire(working(), 1).remaining());
    }

    /** A permanent failure does not open the circuit breaker. */
    @Test
    void missingTableWrongKeyAndMissingPermissionArePermanentFailures() {
        Tables.create(LocalDynamoDb.client(), "wrong-key", "id");
        for (DynamoDbBackend backend : List.of(
                backend(LocalDynamoDb.asyncClient(), "missing"),
                backend(LocalDynamoDb.asyncClient(), "wrong-key"),
                backend(failing(DynamoDbException.builder()
                        .message("denied")
                        .statusCode(400)
                        .awsErrorDetails(AwsErrorDetails.builder()
                                .errorCode("AccessDeniedException")
                                .build())
                        .build())))) {
            for (CompletionStage<?> stage : List.of(
                    backend.acquire(policy, "key", 1),
                    backend.peek(policy, "key", 1),
                    backend.refund(policy, "key", 1, LimitState.LATEST),
                    backend.reset(policy, "key"))) {
                CompletionException e = assertThrows(CompletionException.class, () -> stage.toCompletableFuture()
                        .join());
                assertInstanceOf(NonRetryableStoreException.class, e.getCause());
            }
            try (RateLimiter limiter = RateLimiter.builder(backend)
                    .deadline(Duration.ofSeconds(60))
                    .build()) {
                for (int i = 0; i < CALLS; i++) {
                    assertEquals(
                            Decision.Source.FALLBACK,
                            limiter.tryAcquire(policy, "key").source());
                }
                assertEquals(CALLS, limiter.stats().store().permanentFailures());
                assertEquals(0, limiter.stats().store().failures());
                assertEquals("CLOSED", limiter.stats().store().breaker());
            }
        }
    }

    /** A rejection is not an outage unless its reason is load, whichever service makes it. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "ExpiredTokenException",
                "UnrecognizedClientException",
                "InvalidSignatureException",
                "IncompleteSignature",
                "MissingAuthenticationTokenException",
                "KMSAccessDeniedException",
                "KMSDisabledException",
                "KMSInvalidStateException",
                "KMSNotFoundException",
                "SomethingNew"
            })
    void rejectionIsAPermanentFailure(String code) {
        AwsErrorDetails details = AwsErrorDetails.builder().errorCode(code).build();
        AwsServiceException failure = DynamoDbException.builder()
                .message("rejected")
                .statusCode(400)
                .awsErrorDetails(details)
                .build();
        for (CompletionStage<?> stage : List.of(
                backend(failing(failure)).acquire(policy, "key", 1),
                backend(failing(failure)).peek(policy, "key", 1),
                backend(failing(failure)).refund(policy, "key", 1, LimitState.LATEST),
                backend(failing(failure))
                        .concurrency()
                        .acquire(Policy.of("slots", "3 concurrent"), "key", UUID.randomUUID()))) {
            CompletionException e = assertThrows(CompletionException.class, stage.toCompletableFuture()::join);
            assertInstanceOf(NonRetryableStoreException.class, e.getCause());
        }
    }

    @Test
    void missingCredentialsAreAPermanentFailure() {
        for (String message : List.of(
                "Unable to load credentials from any of the providers in the chain",
                "Failed to load credentials from IMDS.")) {
            CompletionException e = assertThrows(
                    CompletionException.class, () -> acquire(backend(failing(SdkClientException.create(message))), 1));
            assertInstanceOf(NonRetryableStoreException.class, e.getCause());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {408, 500, 502, 503})
    void failureOfTheServerIsAnOutage(int status) {
        RuntimeException failure = DynamoDbException.builder()
                .message("unavailable")
                .statusCode(status)
                .build();
        CompletionException e = assertThrows(CompletionException.class, () -> backend(failing(failure))
                .peek(policy, "key", 1)
                .toCompletableFuture()
                .join());
        assertSame(failure, e.getCause());
    }

    /** Another region has just written the item, or a transaction is writing it. Nothing is wrong with the table. */
    @Test
    void conflictIsThrottling() {
        for (RuntimeException failure : List.of(
                ReplicatedWriteConflictException.builder().message("conflict").build(),
                TransactionConflictException.builder().message("conflict").build(),
                DynamoDbException.builder().message("busy").statusCode(429).build())) {
            CompletionException e =
                    assertThrows(CompletionException.class, () -> acquire(backend(failing(failure)), 1));
            assertInstanceOf(StoreThrottledException.class, e.getCause());
        }
    }

    /** The client corrects its time with the rejection of a signature, so the second request is signed with it. */
    @Test
    void requestWithASkewedSignatureIsSentAgainOnce() {
        AtomicInteger requests = new AtomicInteger();
        DynamoDbException skewed = (DynamoDbException) DynamoDbException.builder()
                .message("Signature expired")
                .statusCode(400)
                .awsErrorDetails(AwsErrorDetails.builder()
                        .errorCode("RequestTimeTooSkewed")
                        .build())
                .build();
        DynamoDbBackend backend = backend(new InterceptedClient(LocalDynamoDb.client()) {
            @Override
            <T> CompletableFuture<T> call(Supplier<T> request) {
                return requests.incrementAndGet() % 2 == 1
                        ? CompletableFuture.failedFuture(skewed)
                        : super.call(request);
            }
        });
        assertEquals(9, acquire(backend, 1).remaining());
        assertEquals(8, acquire(backend, 1).remaining());
        assertEquals(4, requests.get());
    }

    /** The limiter closes the backend, and so does the bean context. */
    @Test
    void closeIsIdempotent() {
        AtomicInteger closed = new AtomicInteger();
        DynamoDbBackend backend = new DynamoDbBackend(
                LocalDynamoDb.asyncClient(),
                LocalDynamoDb.TABLE,
                namespace,
                MicroClock.system(),
                closed::incrementAndGet);
        RateLimiter.builder(backend).build().close();
        backend.close();
        assertEquals(1, closed.get());
    }

    @Test
    void deadlineIsHalfASecond() {
        assertEquals(Duration.ofMillis(500), working().deadline());
    }

    @Test
    void callToASilentStoreFailsAtTheTimeoutOfTheClient() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
                DynamoDbClient client = LocalDynamoDb.builder()
                        .endpointOverride(URI.create("http://localhost:" + silent.getLocalPort()))
                        .overrideConfiguration(c -> c.apiCallTimeout(Duration.ofMillis(200)))
                        .build()) {
            DynamoDbBackend backend = backend(new BlockingClient(client, LocalDynamoDb.EXECUTOR));
            CompletionException e = assertThrows(CompletionException.class, () -> acquire(backend, 1));
            assertInstanceOf(TimeoutException.class, e.getCause());
            assertInstanceOf(ApiCallTimeoutException.class, e.getCause().getCause());
        }
    }

    /** While the store hangs, requests wait for threads. When one is free, their callers have given up. */
    @Test
    void requestWithoutAThreadBeforeItsTimeoutIsNotSent() {
        Queue<Runnable> queue = new ArrayDeque<>();
        try (DynamoDbClient client = LocalDynamoDb.builder()
                .overrideConfiguration(c -> c.apiCallTimeout(Duration.ofMillis(1)))
                .build()) {
            CompletableFuture<Decision> late = backend(new BlockingClient(client, queue::add))
                    .acquire(policy, "key", 3)
                    .toCompletableFuture();
            assertEquals(1, queue.size());
            long since = System.nanoTime();
            while (System.nanoTime() - since < Duration.ofMillis(2).toNanos()) {
                Thread.onSpinWait();
            }
            queue.remove().run();
            CompletionException e = assertThrows(CompletionException.class, late::join);
            assertInstanceOf(RejectedExecutionException.class, e.getCause(), "means that it was not sent");
        }
        assertEquals(
                10,
                working().peek(policy, "key", 0).toCompletableFuture().join().remaining());
    }

    /** A write that was not rejected may have been made. A read changes nothing. */
    @Test
    void onlyAWriteThatMayHaveBeenMadeIsATimeout() {
        SdkClientException broken = SdkClientException.create("", new SocketException("Connection reset"));
        SdkClientException refused = SdkClientException.create("", new ConnectException("Connection refused"));
        DynamoDbException busy = ProvisionedThroughputExceededException.builder()
                .message("slow down")
                .build();
        assertTimeout(true, ApiCallTimeoutException.create(400));
        assertTimeout(true, ApiCallAttemptTimeoutException.create(400));
        assertTimeout(true, broken);
        assertTimeout(true, refused.toBuilder().numAttempts(2).build());
        assertTimeout(
                true,
                DynamoDbException.builder().message("internal").statusCode(500).build());
        assertTimeout(false, refused);
        assertTimeout(false, refused.toBuilder().numAttempts(1).build());
        assertTimeout(false, SdkClientException.create("", new SocketTimeoutException("Connect timed out")));
        assertTimeout(true, SdkClientException.create("", new SocketTimeoutException("Read timed out")));
        assertTimeout(false, SdkClientException.create("", new NoRouteToHostException("No route to host")));
        CompletionException throttled =
                assertThrows(CompletionException.class, () -> acquire(backend(failing(busy)), 1));
        assertInstanceOf(StoreThrottledException.class, throttled.getCause(), "was not made");
    }

    private void assertTimeout(boolean expected, RuntimeException failure) {
        DynamoDbBackend backend = backend(failing(failure));
        CompletionException write = assertThrows(CompletionException.class, () -> acquire(backend, 1));
        assertEquals(expected, write.getCause() instanceof TimeoutException, failure::toString);
        assertSame(failure, expected ? write.getCause().getCause() : write.getCause());
        CompletionException read = assertThrows(
                CompletionException.class,
                () -> backend.peek(policy, "key", 1).toCompletableFuture().join());
        assertSame(failure, read.getCause());
    }

    @Test
    void unreachableStoreFailsWithTheExceptionOfTheClient() throws Exception {
        int port;
        try (ServerSocket closed = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            port = closed.getLocalPort();
        }
        try (DynamoDbClient client = LocalDynamoDb.builder()
                .endpointOverride(URI.create("http://localhost:" + port))
                .build()) {
            DynamoDbBackend backend = backend(new BlockingClient(client, LocalDynamoDb.EXECUTOR));
            CompletionException e = assertThrows(CompletionException.class, () -> acquire(backend, 1));
            assertInstanceOf(SdkClientException.class, e.getCause());
        }
    }

    /** The response to the first request is lost, and the client sends the request again. */
    @ParameterizedTest
    @ValueSource(strings = {"10/h", "10/h sliding", "10/day fixed", "10/h; 10/h sliding; 10/day fixed"})
    void writeThatIsSentTwiceIsChargedOnce(String limits) {
        Policy twice = Policy.of("twice", limits);
        AtomicInteger sent = new AtomicInteger();
        DynamoDbBackend backend = backend(new InterceptedClient(LocalDynamoDb.client()) {
            @Override
            <T> CompletableFuture<T> call(Supplier<T> request) {
                try {
                    request.get();
                    sent.incrementAndGet();
                } catch (ConditionalCheckFailedException e) {
                    // This response is lost too.
                }
                return super.call(request);
            }
        });
        assertEquals(
                List.of(7L, 5L),
                backend.acquireBatch(twice, "key", List.of(3L, 2L)).toCompletableFuture().join().stream()
                        .map(Decision::remaining)
                        .toList());
        assertEquals(
                4, backend.acquire(twice, "key", 1).toCompletableFuture().join().remaining());
        backend.refund(twice, "key", 2, LimitState.LATEST).toCompletableFuture().join();
        assertEquals(
                6, working().peek(twice, "key", 1).toCompletableFuture().join().remaining());
        assertTrue(sent.get() >= 3);
    }

    @Test
    void itemOfOtherSoftwareIsNamedAndNotChanged() {
        String name = namespace + ":p:" + KeyHash.brief("key");
        Map<String, AttributeValue> other = Map.of("pk", AttributeValue.fromS(name), "k", AttributeValue.fromN("1"));
        LocalDynamoDb.client().putItem(put -> put.tableName(LocalDynamoDb.TABLE).item(other));
        CompletionException e = assertThrows(CompletionException.class, () -> acquire(working(), 1));
        assertInstanceOf(NonRetryableStoreException.class, e.getCause());
        assertEquals(
                "The rate limit store cannot execute the call: the item " + name + " does not contain rate limits; "
                        + "delete the item, or use a separate table for the rate limits.",
                e.getCause().getMessage());
        assertEquals(
                other,
                LocalDynamoDb.client()
                        .getItem(
                                get -> get.tableName(LocalDynamoDb.TABLE).key(Map.of("pk", AttributeValue.fromS(name))))
                        .item());
        working().reset(policy, "key").toCompletableFuture().join();
        assertEquals(9, acquire(working(), 1).remaining());
    }
}
