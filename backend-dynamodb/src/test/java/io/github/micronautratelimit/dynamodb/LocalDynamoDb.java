package io.github.micronautratelimit.dynamodb;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;

import com.amazonaws.services.dynamodbv2.local.server.DynamoDBProxyServer;
import com.amazonaws.services.dynamodbv2.local.server.LocalDynamoDBRequestHandler;
import com.amazonaws.services.dynamodbv2.local.server.LocalDynamoDBServerHandler;

import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.retries.DefaultRetryStrategy;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClientBuilder;

/** DynamoDB Local in this process, on a loopback port, in memory; one for all tests. */
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

    private LocalDynamoDb() {
    }

    private static int start() {
        try {
            int port = freePort();
            // Put together by hand: the server's own main class would report on its use.
            new DynamoDBProxyServer(port, new LocalDynamoDBServerHandler(
                    new LocalDynamoDBRequestHandler(0, true, null, true, false), null)).start();
            return port;
        } catch (Exception e) {
            throw new IllegalStateException("DynamoDB Local does not start.", e);
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

    static DynamoDbClientBuilder builder() {
        return DynamoDbClient.builder().endpointOverride(endpoint()).region(Region.EU_CENTRAL_1)
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("local", "local")))
                .httpClient(UrlConnectionHttpClient.create())
                .overrideConfiguration(c -> c.retryStrategy(DefaultRetryStrategy.doNotRetry()));
    }
}
