package io.github.micronautratelimit.dynamodb;

import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.RateLimitBackendContract;

class DynamoDbBackendContractTest extends RateLimitBackendContract {

    @Override
    protected BackendUnderTest open() {
        return new DynamoDbUnderTest();
    }
}
