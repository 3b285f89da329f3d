package io.github.micronautratelimit.dynamodb;

import java.time.Duration;

import io.github.micronautratelimit.Coalescer;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.HotKeyContract;

/** Callers who wait for the same key share requests, as in an application; over HTTP. */
class HotKeyTest extends HotKeyContract {

    @Override
    protected BackendUnderTest open() {
        return new DynamoDbUnderTest() {

            @Override
            public RateLimitBackend connect(MicroClock clock) {
                return new Coalescer(new DynamoDbBackend(Table.Client.of(LocalDynamoDb.client(), LocalDynamoDb.EXECUTOR),
                        LocalDynamoDb.TABLE, "hot", clock, () -> { }), Duration.ofMinutes(1));
            }
        };
    }
}
