package io.github.micronautratelimit.dynamodb;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.dynamodb.DynamoDbBackend.BlockingClient;
import io.github.micronautratelimit.hotkey.Coalescer;
import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.HotKeyContract;
import java.time.Duration;

/** Callers that wait for the same key share requests over HTTP, as in an application. */
class HotKeyTest extends HotKeyContract {

    @Override
    protected BackendUnderTest open() {
        return new DynamoDbUnderTest() {

            @Override
            public RateLimitBackend connect(MicroClock clock) {
                return new Coalescer(
                        new DynamoDbBackend(
                                new BlockingClient(LocalDynamoDb.client(), LocalDynamoDb.EXECUTOR),
                                LocalDynamoDb.TABLE,
                                "hot",
                                clock,
                                () -> {}),
                        Duration.ofMinutes(1));
            }
        };
    }
}
