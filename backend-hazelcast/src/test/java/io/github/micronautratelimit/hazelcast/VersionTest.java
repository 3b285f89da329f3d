package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.hazelcast.instance.BuildInfoProvider;
import org.junit.jupiter.api.Test;

class VersionTest {

    /** The build runs the tests twice: on the version that it compiles against, and on the newest. */
    @Test
    void testsRunOnTheVersionOfTheBuild() {
        String expected = System.getProperty(
                "ratelimit.hazelcast.version", BuildInfoProvider.getBuildInfo().getVersion());
        assertEquals(expected, BuildInfoProvider.getBuildInfo().getVersion());
    }
}
