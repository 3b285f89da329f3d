package io.github.micronautratelimit.dynamodb;

import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.GoldenTraceContract;

class GoldenTraceTest extends GoldenTraceContract {

    @Override
    protected BackendUnderTest open() {
        return new DynamoDbUnderTest();
    }
}
