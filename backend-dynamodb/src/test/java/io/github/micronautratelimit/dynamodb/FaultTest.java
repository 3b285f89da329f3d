package io.github.micronautratelimit.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.SocketException;
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
import java.util.function.Function;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.github.micronautratelimit.Coalescer;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Guard;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitDefectException;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.core.SdkResponse;
import software.amazon.awssdk.core.exception.ApiCallAttemptTimeoutException;
import software.amazon.awssdk.core.exception.ApiCallTimeoutException;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;
import software.amazon.awssdk.services.dynamodb.model.DynamoDbException;
import software.amazon.awssdk.services.dynamodb.model.ProvisionedThroughputExceededException;
import software.amazon.awssdk.services.dynamodb.model.RequestLimitExceededException;

/** What goes wrong between here and the table. */
class FaultTest {

    private static final int CALLS = 20;

    private final String namespace = "fault-" + UUID.randomUUID();
    private final Policy policy = new Policy("p", Limit.parseAll("10/h"), OnError.CLOSED);

    private DynamoDbBackend backend(Table.Client client) {
        return new DynamoDbBackend(client, LocalDynamoDb.TABLE, namespace, StoreClock::machineMicros, () -> { });
    }

    private DynamoDbBackend sound() {
        return backend(Table.Client.of(LocalDynamoDb.client(), Runnable::run));
    }

    private Decision acquire(DynamoDbBackend backend, long permits) {
        return backend.acquire(policy, "key", permits).toCompletableFuture().join();
    }

    private static Table.Client failing(RuntimeException failure) {
        return new Table.Client() {
            @Override
            public <T extends SdkResponse> CompletionStage<T> call(
                    Function<DynamoDbClient, T> blocking, Function<DynamoDbAsyncClient, CompletableFuture<T>> async) {
                return CompletableFuture.failedFuture(failure);
            }
        };
    }

    /** An overloaded table has not decided: the policy's on-error answers, and never "429 because of the table". */
    @Test
    void throttlingIsAnErrorAndNoDenial() {
        for (RuntimeException throttled : List.of(
                ProvisionedThroughputExceededException.builder().message("slow down").build(),
                RequestLimitExceededException.builder().message("slow down").build(),
                DynamoDbException.builder().message("slow down").statusCode(400).awsErrorDetails(
                        AwsErrorDetails.builder().errorCode("ThrottlingException").build()).build())) {
            DynamoDbBackend backend = backend(failing(throttled));
            for (CompletionStage<?> stage : List.of(backend.acquire(policy, "key", 1), backend.peek(policy, "key", 1),
                    backend.refund(policy, "key", 1), backend.reset(policy, "key"))) {
                CompletionException e = assertThrows(CompletionException.class, () -> stage.toCompletableFuture().join());
                assertEquals(throttled, e.getCause());
            }
            Guard guard = new Guard(backend, Duration.ofSeconds(5), List.of());
            Policy open = new Policy("open", policy.limits(), OnError.OPEN);
            assertEquals(Decision.Source.FALLBACK, guard.acquireBlocking(open, "key", 1).source());
            assertTrue(guard.acquireBlocking(open, "key", 1).allowed());
            assertEquals(2, guard.failures());
            assertEquals(0, guard.defects());
            guard.close();
        }
        assertEquals(9, acquire(sound(), 1).remaining());
    }

    /** What no waiting cures does not open the breaker: it is logged as an error. */
    @Test
    void aMissingTableAWrongKeyAndAMissingRightAreDefectsAndNoOutage() {
        Tables.create(LocalDynamoDb.client(), "wrong-key", "id");
        Table.Client client = Table.Client.of(LocalDynamoDb.client(), Runnable::run);
        for (DynamoDbBackend backend : List.of(
                new DynamoDbBackend(client, "missing", namespace, StoreClock::machineMicros, () -> { }),
                new DynamoDbBackend(client, "wrong-key", namespace, StoreClock::machineMicros, () -> { }),
                backend(failing(DynamoDbException.builder().message("not yours").statusCode(400).awsErrorDetails(
                        AwsErrorDetails.builder().errorCode("AccessDeniedException").build()).build())))) {
            for (CompletionStage<?> stage : List.of(backend.acquire(policy, "key", 1), backend.peek(policy, "key", 1),
                    backend.refund(policy, "key", 1), backend.reset(policy, "key"))) {
                CompletionException e = assertThrows(CompletionException.class, () -> stage.toCompletableFuture().join());
                assertInstanceOf(RateLimitDefectException.class, e.getCause());
            }
            Duration deadline = Duration.ofSeconds(60);
            try (Guard guard = new Guard(new Coalescer(backend, deadline), deadline, List.of())) {
                for (int i = 0; i < CALLS; i++) {
                    assertEquals(Decision.Source.FALLBACK, guard.acquireBlocking(policy, "key", 1).source());
                }
                assertEquals(CALLS, guard.defects());
                assertEquals(0, guard.failures());
                assertEquals(CircuitBreaker.State.CLOSED, guard.breaker().getState());
            }
        }
    }

    @Test
    void anAnswerIsWorthWaitingForHalfASecond() {
        assertEquals(Duration.ofMillis(500), sound().deadline());
    }

    @Test
    void aStoreThatDoesNotAnswerIsGivenUpInTime() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
                DynamoDbClient client = LocalDynamoDb.builder()
                        .endpointOverride(URI.create("http://localhost:" + silent.getLocalPort()))
                        .overrideConfiguration(c -> c.apiCallTimeout(Duration.ofMillis(200))).build()) {
            DynamoDbBackend backend = backend(Table.Client.of(client, LocalDynamoDb.EXECUTOR));
            CompletionException e = assertThrows(CompletionException.class, () -> acquire(backend, 1));
            assertInstanceOf(TimeoutException.class, e.getCause());
            assertInstanceOf(ApiCallTimeoutException.class, e.getCause().getCause());
        }
    }

    /** Behind a store that hung, requests wait for a thread; when one is free, nobody waits for them any more. */
    @Test
    void aRequestThatFoundNoThreadInTimeIsNotSent() {
        Queue<Runnable> queue = new ArrayDeque<>();
        try (DynamoDbClient client = LocalDynamoDb.builder()
                .overrideConfiguration(c -> c.apiCallTimeout(Duration.ofMillis(1))).build()) {
            CompletableFuture<Decision> late =
                    backend(Table.Client.of(client, queue::add)).acquire(policy, "key", 3).toCompletableFuture();
            assertEquals(1, queue.size());
            long since = System.nanoTime();
            while (System.nanoTime() - since < Duration.ofMillis(2).toNanos()) {
                Thread.onSpinWait();
            }
            queue.remove().run();
            CompletionException e = assertThrows(CompletionException.class, late::join);
            assertInstanceOf(RejectedExecutionException.class, e.getCause(), "which says that it was not sent");
        }
        assertEquals(10, sound().peek(policy, "key", 0).toCompletableFuture().join().remaining());
    }

    /** What was not refused may have been written; what was only read has not. */
    @Test
    void onlyAWriteThatMayHaveBeenMadeIsUnanswered() {
        SdkClientException broken = SdkClientException.create("", new SocketException("Connection reset"));
        SdkClientException refused = SdkClientException.create("", new ConnectException("Connection refused"));
        DynamoDbException busy = ProvisionedThroughputExceededException.builder().message("slow down").build();
        assertUnanswered(true, ApiCallTimeoutException.create(400));
        assertUnanswered(true, ApiCallAttemptTimeoutException.create(400));
        assertUnanswered(true, broken);
        assertUnanswered(true, refused.toBuilder().numAttempts(2).build());
        assertUnanswered(true, DynamoDbException.builder().message("internal").statusCode(500).build());
        assertUnanswered(false, refused);
        assertUnanswered(false, refused.toBuilder().numAttempts(1).build());
        assertUnanswered(false, busy);
    }

    private void assertUnanswered(boolean expected, RuntimeException failure) {
        DynamoDbBackend backend = backend(failing(failure));
        CompletionException write = assertThrows(CompletionException.class, () -> acquire(backend, 1));
        assertEquals(expected, write.getCause() instanceof TimeoutException, failure::toString);
        assertSame(failure, expected ? write.getCause().getCause() : write.getCause());
        CompletionException read = assertThrows(CompletionException.class,
                () -> backend.peek(policy, "key", 1).toCompletableFuture().join());
        assertSame(failure, read.getCause());
    }

    @Test
    void aStoreThatIsAwayIsToldAtOnce() throws Exception {
        int port;
        try (ServerSocket gone = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            port = gone.getLocalPort();
        }
        try (DynamoDbClient client = LocalDynamoDb.builder()
                .endpointOverride(URI.create("http://localhost:" + port)).build()) {
            DynamoDbBackend backend = backend(Table.Client.of(client, LocalDynamoDb.EXECUTOR));
            CompletionException e = assertThrows(CompletionException.class, () -> acquire(backend, 1));
            assertInstanceOf(SdkClientException.class, e.getCause());
        }
    }

    /** The answer to the first sending is lost; the client sends the same again. */
    @ParameterizedTest
    @ValueSource(strings = {"10/h", "10/h sliding", "10/day fixed", "10/h; 10/h sliding; 10/day fixed"})
    void aWriteThatIsSentTwiceIsChargedOnce(String limits) {
        Policy twice = Policy.of("twice", limits);
        AtomicInteger sent = new AtomicInteger();
        DynamoDbBackend backend = backend(new Table.Client() {
            @Override
            public <T extends SdkResponse> CompletionStage<T> call(
                    Function<DynamoDbClient, T> blocking, Function<DynamoDbAsyncClient, CompletableFuture<T>> async) {
                try {
                    blocking.apply(LocalDynamoDb.client());
                    sent.incrementAndGet();
                } catch (ConditionalCheckFailedException e) {
                    // Lost too.
                }
                return Table.Client.of(LocalDynamoDb.client(), Runnable::run).call(blocking, async);
            }
        });
        assertEquals(List.of(7L, 5L), backend.acquireEach(twice, "key", List.of(3L, 2L)).toCompletableFuture().join()
                .stream().map(Decision::remaining).toList());
        assertEquals(4, backend.acquire(twice, "key", 1).toCompletableFuture().join().remaining());
        backend.refund(twice, "key", 2).toCompletableFuture().join();
        assertEquals(6, sound().peek(twice, "key", 1).toCompletableFuture().join().remaining());
        assertTrue(sent.get() >= 3);
    }

    @Test
    void anItemOfSomebodyElsesIsNamedAndLeftAlone() {
        String name = namespace + ":p:" + KeyHash.brief("key");
        Map<String, AttributeValue> other = Map.of("pk", AttributeValue.fromS(name), "k", AttributeValue.fromN("1"));
        LocalDynamoDb.client().putItem(put -> put.tableName(LocalDynamoDb.TABLE).item(other));
        CompletionException e = assertThrows(CompletionException.class, () -> acquire(sound(), 1));
        assertInstanceOf(RateLimitDefectException.class, e.getCause());
        assertEquals("The rate limit store cannot do what it is asked: the item " + name + " holds something that is no "
                + "rate limit; delete it, or give the rate limits a table of their own.", e.getCause().getMessage());
        assertEquals(other, LocalDynamoDb.client().getItem(get -> get.tableName(LocalDynamoDb.TABLE)
                .key(Map.of("pk", AttributeValue.fromS(name)))).item());
        sound().reset(policy, "key").toCompletableFuture().join();
        assertEquals(9, acquire(sound(), 1).remaining());
    }
}
