package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.GoldenTraceContract;

// tag::traces[]
class SqlGoldenTraceTest extends GoldenTraceContract {

    @Override
    protected BackendUnderTest open() {
        return new SqlUnderTest();
    }
}
// end::traces[]
