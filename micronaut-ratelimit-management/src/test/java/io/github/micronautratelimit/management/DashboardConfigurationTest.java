package io.github.micronautratelimit.management;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.micronaut.context.ApplicationContext;
import io.micronaut.context.exceptions.ConfigurationException;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Invalid properties of the live page fail the start of the application. */
class DashboardConfigurationTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "ratelimit.dashboard.enabled | yes | ratelimit.dashboard.enabled = \"yes\" is invalid; write "
                        + "true or false.",
                "ratelimit.dashbord.enabled | true | Unknown property `ratelimit.dashbord.enabled`; did you mean"
                        + " `ratelimit.dashboard.enabled`?"
            })
    void anInvalidPropertyFailsStartUp(String name, String value, String message) {
        Throwable failure =
                assertThrows(RuntimeException.class, () -> ApplicationContext.run(Map.of(name, value), "test")
                        .close());
        while (failure.getCause() != null && !(failure instanceof ConfigurationException)) {
            failure = failure.getCause();
        }
        assertEquals(message, failure.getMessage());
    }
}
