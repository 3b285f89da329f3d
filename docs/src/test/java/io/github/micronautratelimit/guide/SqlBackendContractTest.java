package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.RateLimitBackendContract;

// tag::contract[]
class SqlBackendContractTest extends RateLimitBackendContract {

    @Override
    protected BackendUnderTest open() {
        return new SqlUnderTest();
    }
}
// end::contract[]
