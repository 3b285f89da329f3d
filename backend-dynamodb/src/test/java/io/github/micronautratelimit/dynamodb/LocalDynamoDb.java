package io.github.micronautratelimit.dynamodb;

import com.amazonaws.services.dynamodbv2.local.server.DynamoDBProxyServer;
import com.amazonaws.services.dynamodbv2.local.server.LocalDynamoDBRequestHandler;
import com.amazonaws.services.dynamodbv2.local.server.LocalDynamoDBServerHandler;
import io.github.micronautratelimit.dynamodb.DynamoDbBackend.BlockingClient;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.retries.DefaultRetryStrategy;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClientBuilder;

/** One DynamoDB Local for all tests: in this process, in memory, on a loopback port. */
final class LocalDynamoDb {

    static final String TABLE = "ratelimit";
    private static final int PORT = start();
    private static final DynamoDbClient CLIENT = builder().build();
    static final Executor EXECUTOR = Executors.newCachedThreadPool(work -> {
        Thread thread = new Thread(work, "dynamodb-test");
        thread.setDaemon(true);
        return thread;
    });

    static {
        Tables.create(CLIENT, TABLE);
    }

    private LocalDynamoDb() {}

    private static int start() {
        try {
            int port = freePort();
            // The main class of the server would send telemetry.
            new DynamoDBProxyServer(
                            port,
                            new LocalDynamoDBServerHandler(
                                    new LocalDynamoDBRequestHandler(0, true, null, true, false), null))
                    .start();
            return port;
        } catch (Exception e) {
            throw new IllegalStateException("DynamoDB Local did not start.", e);
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    static URI endpoint() {
        return URI.create("http://localhost:" + PORT);
    }

    static DynamoDbClient client() {
        return CLIENT;
    }

    /** Returns a client that makes its calls on the calling thread. */
    static DynamoDbAsyncClient asyncClient() {
        return new BlockingClient(CLIENT, Runnable::run);
    }

    static DynamoDbClientBuilder builder() {
        return DynamoDbClient.builder()
                .endpointOverride(endpoint())
                .region(Region.EU_CENTRAL_1)
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("local", "local")))
                .httpClient(UrlConnectionHttpClient.create())
                .overrideConfiguration(c -> c.retryStrategy(DefaultRetryStrategy.doNotRetry()));
    }
}
