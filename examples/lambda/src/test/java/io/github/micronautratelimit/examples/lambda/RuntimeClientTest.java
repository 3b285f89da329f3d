package io.github.micronautratelimit.examples.lambda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micronaut.function.aws.proxy.payload2.APIGatewayV2HTTPEventFunction;
import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Runs each instance of the function in a process, under Lambda's own runtime interface client. */
class RuntimeClientTest {

    private static final int TIMEOUT_SECONDS = 120;
    private static final Pattern STATUS = Pattern.compile("\"statusCode\"\\s*:\\s*(\\d+)");
    private static final String EVENT =
            """
            {"version": "2.0", "routeKey": "$default", "rawPath": "/quote", "rawQueryString": "",
             "headers": {"accept": "text/plain", "x-forwarded-for": "203.0.113.%d"},
             "requestContext": {"http": {"method": "GET", "path": "/quote", "protocol": "HTTP/1.1",
                                         "sourceIp": "192.0.2.1", "userAgent": "test"}},
             "isBase64Encoded": false}""";

    private static Process instance(RuntimeApi api, String table, Map<String, String> more, String... options)
            throws IOException {
        List<String> command = new ArrayList<>(List.of(
                new File(System.getProperty("java.home"), "bin/java").getPath(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Xmx256m"));
        command.addAll(List.of(options));
        command.addAll(List.of(
                "-cp",
                System.getProperty("java.class.path"),
                "com.amazonaws.services.lambda.runtime.api.client.AWSLambda",
                APIGatewayV2HTTPEventFunction.class.getName()));
        ProcessBuilder process = new ProcessBuilder(command).inheritIO();
        Map<String, String> environment = process.environment();
        environment.putAll(LocalTable.environment(table));
        environment.putAll(Map.of(
                "AWS_LAMBDA_RUNTIME_API",
                api.address(),
                "_HANDLER",
                APIGatewayV2HTTPEventFunction.class.getName(),
                "LAMBDA_TASK_ROOT",
                ".",
                "AWS_LAMBDA_FUNCTION_NAME",
                "quotes",
                "AWS_LAMBDA_FUNCTION_VERSION",
                "1",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
                "256",
                "AWS_LAMBDA_LOG_GROUP_NAME",
                "group",
                "AWS_LAMBDA_LOG_STREAM_NAME",
                "stream",
                "AWS_EXECUTION_ENV",
                "AWS_Lambda_java17"));
        environment.putAll(more);
        return process.start();
    }

    private static int status(String answer) {
        Matcher matcher = STATUS.matcher(answer);
        assertTrue(matcher.find(), answer);
        return Integer.parseInt(matcher.group(1));
    }

    private static List<Integer> statuses(RuntimeApi api, int count) throws Exception {
        List<Integer> statuses = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            statuses.add(status(api.invoke(EVENT.formatted(i)).get(TIMEOUT_SECONDS, TimeUnit.SECONDS)));
        }
        return statuses;
    }

    @Test
    void processesShareALimit() throws Exception {
        try (RuntimeApi api = new RuntimeApi()) {
            String table = LocalTable.create();
            Process first = instance(api, table, Map.of());
            // The runtime client writes its native library to a fixed path, so only one process may start at a time.
            assertTrue(api.polls.tryAcquire(TIMEOUT_SECONDS, TimeUnit.SECONDS));
            Process second = instance(api, table, Map.of());
            assertTrue(api.polls.tryAcquire(TIMEOUT_SECONDS, TimeUnit.SECONDS));
            try {
                assertEquals(List.of(200, 200, 200, 200, 200, 429, 429, 429), statuses(api, 8));
                assertTrue(first.isAlive() && second.isAlive());
            } finally {
                first.destroyForcibly().waitFor();
                second.destroyForcibly().waitFor();
            }
        }
    }

    /** SnapStart: the hooks run before the snapshot and after the restore, and the function decides again. */
    @Test
    void restoredSnapshotDecides() throws Exception {
        try (RuntimeApi api = new RuntimeApi()) {
            Process process = instance(
                    api,
                    LocalTable.create(),
                    Map.of("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start"),
                    "-Dorg.crac.Core.Compat=com.amazonaws.services.lambda.crac");
            try {
                assertTrue(api.checkpointed.await(TIMEOUT_SECONDS, TimeUnit.SECONDS));
                api.restore.countDown();
                assertEquals(List.of(200, 200, 200, 200, 200, 429), statuses(api, 6));
            } finally {
                process.destroyForcibly().waitFor();
            }
        }
    }
}
