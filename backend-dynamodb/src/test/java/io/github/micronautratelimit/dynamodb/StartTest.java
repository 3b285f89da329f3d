package io.github.micronautratelimit.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.filter.Filter;
import ch.qos.logback.core.read.ListAppender;
import ch.qos.logback.core.spi.FilterReply;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.dynamodb.DynamoDbBackend.BlockingClient;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.env.Environment;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.crac.test.CheckpointSimulator;
import io.micronaut.inject.qualifiers.Qualifiers;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfEnvironmentVariable;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.ResourceNotFoundException;
import software.amazon.awssdk.services.dynamodb.model.TimeToLiveStatus;

/**
 * Applications that select DynamoDB by configuration. Cases whose client takes seconds to close are concurrent.
 */
class StartTest {

    /** Threads that ask for a logger while SLF4J starts would get a substitute. */
    @BeforeAll
    static void startLogging() {
        LoggerFactory.getILoggerFactory();
    }

    private static ApplicationContext start(Map<String, Object> settings, String... environments) {
        Map<String, Object> all = new HashMap<>(Map.of(
                "aws.access-key-id",
                "local",
                "aws.secret-key",
                "local",
                "aws.region",
                "eu-central-1",
                "aws.services.dynamodb.endpoint-override",
                LocalDynamoDb.endpoint().toString(),
                "ratelimit.deadline",
                "30s",
                "ratelimit.dynamodb.timeout",
                "20s",
                "ratelimit.dynamodb.start-timeout",
                "60s"));
        all.putAll(settings);
        return ApplicationContext.run(all, environments);
    }

    private static String failure(Map<String, Object> settings) {
        return failure(() -> start(settings));
    }

    private static String failure(Supplier<ApplicationContext> start) {
        Throwable e = assertThrows(RuntimeException.class, () -> {
            try (ApplicationContext context = start.get()) {
                assertFalse(context.isRunning(), "The application started.");
            }
        });
        while (!(e instanceof ConfigurationException) || e.getCause() instanceof ConfigurationException) {
            e = e.getCause();
        }
        return e.getMessage();
    }

    /** Uses the non-blocking client; the Lambda example uses the blocking one. */
    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void tableIsTheOnlyRequiredProperty() {
        Map<String, Object> settings = Map.of(
                "ratelimit.dynamodb.table", LocalDynamoDb.TABLE, "ratelimit.namespace", "start-" + UUID.randomUUID());
        Policy policy = Policy.of("p", "10/h; 20/day fixed");
        try (ApplicationContext one = start(settings);
                ApplicationContext two = start(settings)) {
            assertTrue(one.containsBean(DynamoDbAsyncClient.class));
            assertEquals(
                    6,
                    one.getBean(RateLimiter.class).tryAcquire(policy, "key", 4).remaining());
            Decision decision = two.getBean(RateLimiter.class).tryAcquire(policy, "key", 1);
            assertEquals(5, decision.remaining());
            assertEquals(Decision.Source.STORE, decision.source());
            assertFalse(
                    one.getBean(RateLimiter.class).tryAcquire(policy, "key", 6).allowed());
        }
    }

    @Test
    void withoutTableAndBackendThereIsNoBackendBean() {
        try (ApplicationContext context = start(Map.of())) {
            assertFalse(context.containsBean(DynamoDbBackend.class));
        }
    }

    @Test
    void missingTableFailsTheStart() {
        assertEquals(
                "ratelimit.dynamodb.table = \"nowhere\": this table does not exist in this region and account; create it "
                        + "with a partition key \"pk\" of type string and no sort key, or set "
                        + "ratelimit.dynamodb.create-table to true.",
                failure(Map.of("ratelimit.dynamodb.table", "nowhere")));
    }

    @Test
    @DisabledIfEnvironmentVariable(named = "AWS_REGION", matches = ".+")
    void missingRegionFailsTheStart() {
        Map<String, String> withoutRegion = Map.of("aws.disableEc2Metadata", "true", "aws.configFile", "/missing");
        withoutRegion.forEach(System::setProperty);
        try {
            assertEquals(
                    "The DynamoDB client of the application could not be created: no region is set; write aws.region, "
                            + "such as eu-central-1, or set AWS_REGION in the environment.",
                    failure(() -> ApplicationContext.run(Map.of("ratelimit.backend", "dynamodb"))));
        } finally {
            withoutRegion.keySet().forEach(System::clearProperty);
        }
    }

    @Test
    void tableWithAnotherKeyFailsTheStart() {
        Tables.create(LocalDynamoDb.client(), "other-key", "id");
        assertEquals(
                "ratelimit.dynamodb.table = \"other-key\": this table has a different key; use a table with a "
                        + "partition key \"pk\" of type string and no sort key.",
                failure(Map.of("ratelimit.dynamodb.table", "other-key")));
    }

    @Test
    void invalidPropertiesFailTheStart() {
        assertEquals(
                "ratelimit.dynamodb.table = \"a b\": a table name has 3 to 255 letters, digits, hyphens, underscores "
                        + "or dots; write a name such as ratelimit.",
                failure(Map.of("ratelimit.dynamodb.table", "a b")));
        assertEquals(
                "ratelimit.dynamodb.timeout = PT0S: the timeout is less than 1ms; write a duration such as 400ms.",
                failure(Map.of("ratelimit.backend", "dynamodb", "ratelimit.dynamodb.timeout", "0s")));
    }

    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void missingTableIsCreatedIfConfigured() {
        Map<String, Object> settings = Map.of(
                "ratelimit.backend",
                "dynamodb",
                "ratelimit.dynamodb.table",
                "created",
                "ratelimit.dynamodb.create-table",
                "true");
        for (int i = 0; i < 2; i++) {
            try (ApplicationContext context = start(settings)) {
                Decision decision = context.getBean(RateLimiter.class).tryAcquire(Policy.of("p", "5/day fixed"), "key");
                assertEquals(4 - i, decision.remaining());
            }
        }
        var ttl = LocalDynamoDb.client()
                .describeTimeToLive(d -> d.tableName("created"))
                .timeToLiveDescription();
        assertEquals("ttl", ttl.attributeName());
        assertEquals(TimeToLiveStatus.ENABLED, ttl.timeToLiveStatus());
    }

    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void unreachableStoreDoesNotFailTheStart() {
        try (ApplicationContext context = start(Map.of(
                "ratelimit.dynamodb.table",
                LocalDynamoDb.TABLE,
                "aws.services.dynamodb.endpoint-override",
                "http://localhost:1"))) {
            Decision decision = context.getBean(RateLimiter.class).tryAcquire(Policy.of("p", "5/min"), "key");
            assertEquals(Decision.Source.FALLBACK, decision.source());
            assertTrue(decision.allowed());
        }
    }

    /**
     * Between a snapshot and its restore, all connections break and other processes continue. The restored process
     * opens new connections before its first decision, and includes the permits that others have spent.
     */
    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void restoredProcessReconnectsAndReadsAgain() throws Exception {
        String namespace = "restored-" + UUID.randomUUID();
        Map<String, Object> settings =
                Map.of("ratelimit.dynamodb.table", LocalDynamoDb.TABLE, "ratelimit.namespace", namespace);
        Policy policy = Policy.of("p", "10/h sliding");
        try (Relay relay = new Relay();
                ApplicationContext frozen = start(with(settings, relay), Environment.TEST);
                ApplicationContext other = start(settings)) {
            RateLimiter limiter = frozen.getBean(RateLimiter.class);
            CheckpointSimulator snapshot = frozen.getBean(CheckpointSimulator.class);
            assertEquals(7, limiter.tryAcquire(policy, "key", 3).remaining());

            snapshot.runBeforeCheckpoint();
            relay.breakAll();
            assertEquals(
                    5,
                    other.getBean(RateLimiter.class)
                            .tryAcquire(policy, "key", 2)
                            .remaining());
            int connections = relay.connections();
            snapshot.runAfterRestore();

            assertTrue(relay.connections() > connections, "No connection was opened.");
            Decision decision = limiter.tryAcquire(policy, "key", 1);
            assertEquals(4, decision.remaining());
            assertEquals(Decision.Source.STORE, decision.source());
            assertFalse(limiter.tryAcquire(policy, "key", 5).allowed());
        }
    }

    private static Map<String, Object> with(Map<String, Object> settings, Relay relay) {
        Map<String, Object> through = new HashMap<>(settings);
        through.put("aws.services.dynamodb.endpoint-override", relay.endpoint().toString());
        return through;
    }

    /** If the connection broke, a charge is not sent again before a read has succeeded; a read is sent twice. */
    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void chargeIsSentOnceAndTheReadAfterItTwice() throws Exception {
        try (FakeTable table = new FakeTable();
                ApplicationContext context = start(table.settings())) {
            DynamoDbBackend backend = context.getBean(DynamoDbBackend.class);
            table.answer("ProvisionedThroughputExceededException");
            assertEquals(1, requestsOfAFailure(backend, table.requests));
            table.answer("");
            assertEquals(3, requestsOfAFailure(backend, table.requests));
        }
    }

    /** Answers every request with {@code {}}, with an error, or by closing the connection. */
    private static final class FakeTable implements AutoCloseable {

        private final HttpServer server;
        private final AtomicInteger requests = new AtomicInteger();
        private final Map<String, String> errors = new ConcurrentHashMap<>();
        private volatile String error = "none";

        FakeTable() throws IOException {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            server.createContext("/", this::handle);
            server.start();
        }

        private void handle(HttpExchange exchange) throws IOException {
            try (exchange) {
                requests.incrementAndGet();
                exchange.getRequestBody().readAllBytes();
                String target = exchange.getRequestHeaders().getFirst("X-Amz-Target");
                String code = errors.getOrDefault(target.substring(target.indexOf('.') + 1), error);
                if (!code.isEmpty()) {
                    byte[] body = (code.equals("none")
                                    ? "{}"
                                    : "{\"__type\":\"com.amazonaws.dynamodb.v20120810#" + code
                                            + "\",\"message\":\"no\"}")
                            .getBytes(StandardCharsets.UTF_8);
                    exchange.sendResponseHeaders(code.equals("none") ? 200 : 400, body.length);
                    exchange.getResponseBody().write(body);
                }
            }
        }

        /** Answers with an error from now on; with an empty code, closes the connection. */
        void answer(String code) {
            error = code;
        }

        void answer(String operation, String code) {
            errors.put(operation, code);
        }

        Map<String, Object> settings() {
            return Map.of(
                    "ratelimit.dynamodb.table",
                    "fake",
                    "aws.services.dynamodb.endpoint-override",
                    "http://127.0.0.1:" + server.getAddress().getPort());
        }

        @Override
        public void close() {
            server.stop(0);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"ExpiredTokenException", "UnrecognizedClientException", "KMSAccessDeniedException"})
    void rejectedCredentialsAndKeysFailTheStart(String code) throws Exception {
        try (FakeTable table = new FakeTable()) {
            table.answer(code);
            String message = failure(table.settings());
            assertTrue(
                    message.startsWith(
                            "ratelimit.dynamodb.table = \"fake\": AWS rejects requests to this table; correct "
                                    + "the credentials, or the key that encrypts it: no"),
                    message);
        }
    }

    /** A role that may read the table but not write it cannot decide. */
    @Test
    void missingPermissionToWriteFailsTheStart() throws Exception {
        try (FakeTable table = new FakeTable()) {
            table.answer("UpdateItem", "AccessDeniedException");
            assertEquals(
                    "ratelimit.dynamodb.table = \"fake\": AWS denies access; allow dynamodb:GetItem, UpdateItem, PutItem "
                            + "and DeleteItem on this table.",
                    failure(table.settings()));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"ThrottlingException", "ProvisionedThroughputExceededException", ""})
    @Execution(ExecutionMode.CONCURRENT)
    void throttledOrBrokenTableDoesNotFailTheStart(String code) throws Exception {
        try (FakeTable table = new FakeTable()) {
            table.answer("UpdateItem", code);
            try (ApplicationContext context = start(table.settings())) {
                assertTrue(context.isRunning());
            }
        }
    }

    /** A listener that never answers: one accepts connections, and one does not. */
    private static final class SilentListener implements AutoCloseable {

        private final ServerSocket listener;
        private final List<Socket> pending = new ArrayList<>();

        SilentListener(boolean accepting) throws IOException {
            listener = new ServerSocket(0, accepting ? 50 : 1, InetAddress.getLoopbackAddress());
            for (int i = 0; !accepting && i < 3; i++) {
                // Connections beyond the backlog get no answer.
                Socket socket = new Socket();
                pending.add(socket);
                try {
                    socket.connect(listener.getLocalSocketAddress(), 200);
                } catch (SocketTimeoutException e) {
                    break;
                }
            }
        }

        URI endpoint() {
            return URI.create("http://127.0.0.1:" + listener.getLocalPort());
        }

        @Override
        public void close() throws IOException {
            for (Socket socket : pending) {
                socket.close();
            }
            listener.close();
        }
    }

    /** Without a bound, the start would take the timeouts of the client times its retries: 22 s to some minutes. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    @Execution(ExecutionMode.CONCURRENT)
    void silentTableDoesNotDelayTheStart(boolean accepting) throws Exception {
        try (SilentListener silent = new SilentListener(accepting)) {
            Map<String, Object> settings = Map.of(
                    "ratelimit.dynamodb.table",
                    LocalDynamoDb.TABLE,
                    "ratelimit.dynamodb.start-timeout",
                    "100ms",
                    "ratelimit.deadline",
                    "100ms",
                    "aws.services.dynamodb.endpoint-override",
                    silent.endpoint().toString());
            CompletableFuture<Decision> decided = CompletableFuture.supplyAsync(() -> {
                try (ApplicationContext context = start(settings)) {
                    return context.getBean(RateLimiter.class).tryAcquire(Policy.of("p", "5/min"), "key");
                }
            });
            Decision decision = decided.get(60, TimeUnit.SECONDS);
            assertEquals(Decision.Source.FALLBACK, decision.source());
            assertTrue(decision.allowed());
        }
    }

    /** The blocking client cannot be interrupted, so the start leaves it behind. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void silentTableDelaysNeitherTheStartNorARestoreWithTheBlockingClient(boolean accepting) throws Exception {
        DynamoDbConfiguration configuration = new DynamoDbConfiguration();
        configuration.setStartTimeout(Duration.ofMillis(100));
        try (SilentListener silent = new SilentListener(accepting);
                DynamoDbClient client = LocalDynamoDb.builder()
                        .endpointOverride(silent.endpoint())
                        .build()) {
            BlockingClient onThreads = new BlockingClient(client, LocalDynamoDb.EXECUTOR);
            DynamoDbBackend backend = new DynamoDbBackend(
                    onThreads, "silent", "silent", new DynamoDbClock(), configuration.getStartTimeout(), () -> {});
            CompletableFuture<Boolean> started = CompletableFuture.supplyAsync(() -> {
                new TableCheck(onThreads, configuration).check(backend);
                backend.restored();
                return true;
            });
            assertTrue(started.get(25, TimeUnit.SECONDS));
        }
    }

    /** The answer that the start did not wait for says that the table is missing. */
    @Test
    void lateRejectionIsLogged() {
        DynamoDbConfiguration configuration = new DynamoDbConfiguration();
        configuration.setStartTimeout(Duration.ofMillis(1));
        CompletableFuture<Object> late = new CompletableFuture<>();
        InterceptedClient client = new InterceptedClient(LocalDynamoDb.client()) {
            @Override
            @SuppressWarnings("unchecked")
            <T> CompletableFuture<T> call(Supplier<T> request) {
                return (CompletableFuture<T>) late;
            }
        };
        Logger logger = (Logger) LoggerFactory.getLogger(TableCheck.class);
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        log.addFilter(new ThreadFilter(Thread.currentThread()));
        log.start();
        logger.addAppender(log);
        try {
            new TableCheck(client, configuration)
                    .check(new DynamoDbBackend(client, "late", "late", new DynamoDbClock(), () -> {}));
            assertEquals(
                    List.of(
                            "The DynamoDB table ratelimit was not checked at start-up, because it did not answer within "
                                    + "1 ms; check its endpoint and the network, or set ratelimit.dynamodb.start-timeout."),
                    log.list.stream().map(ILoggingEvent::getFormattedMessage).toList());
            late.completeExceptionally(ResourceNotFoundException.builder()
                    .message("missing")
                    .statusCode(400)
                    .awsErrorDetails(AwsErrorDetails.builder()
                            .errorCode("ResourceNotFoundException")
                            .build())
                    .build());
            assertEquals(2, log.list.size());
            assertEquals(Level.ERROR, log.list.get(1).getLevel());
            assertTrue(log.list.get(1).getFormattedMessage().contains("this table does not exist"));
        } finally {
            logger.detachAppender(log);
        }
    }

    /** Concurrent cases log too. */
    private static final class ThreadFilter extends Filter<ILoggingEvent> {

        private final String thread;

        ThreadFilter(Thread thread) {
            this.thread = thread.getName();
        }

        @Override
        public FilterReply decide(ILoggingEvent event) {
            return event.getThreadName().equals(thread) ? FilterReply.NEUTRAL : FilterReply.DENY;
        }
    }

    /** The first request finds classes loaded and a connection open, because the start has made a decision. */
    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void startMakesADecision() throws Exception {
        try (FakeTable table = new FakeTable();
                ApplicationContext context = start(table.settings())) {
            assertTrue(context.isRunning());
            assertEquals(2, table.requests.get(), "a read and a charge");
        }
    }

    private static int requestsOfAFailure(DynamoDbBackend backend, AtomicInteger requests) {
        int before = requests.get();
        assertThrows(CompletionException.class, () -> backend.acquire(Policy.of("p", "10/h"), "key", 1)
                .toCompletableFuture()
                .join());
        return requests.get() - before;
    }

    /** The bean is the backend itself. The limiter adds the coalescer. */
    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void callersOfOneKeyShareRequests() {
        try (ApplicationContext context = start(Map.of("ratelimit.dynamodb.table", LocalDynamoDb.TABLE))) {
            RateLimitBackend backend = context.getBean(RateLimitBackend.class, Qualifiers.byName("dynamodb"));
            assertSame(context.getBean(DynamoDbBackend.class), backend);
            assertNotNull(context.getBean(RateLimiter.class).stats().coalescing());
        }
    }
}
