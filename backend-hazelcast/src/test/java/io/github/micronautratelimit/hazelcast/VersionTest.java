package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

import com.hazelcast.instance.BuildInfoProvider;

class VersionTest {

    /** The build runs all tests twice, on the version it compiles against and on the newest. */
    @Test
    void theTestsRunOnTheVersionTheBuildNames() {
        String wanted = System.getProperty("ratelimit.hazelcast.version", BuildInfoProvider.getBuildInfo().getVersion());
        assertEquals(wanted, BuildInfoProvider.getBuildInfo().getVersion());
    }
}
