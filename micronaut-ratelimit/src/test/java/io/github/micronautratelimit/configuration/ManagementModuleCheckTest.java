package io.github.micronautratelimit.configuration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micronaut.context.ApplicationContext;
import io.micronaut.context.exceptions.ConfigurationException;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** An application that configures the live page or the endpoint needs their module, which this module does not have. */
class ManagementModuleCheckTest {

    @ParameterizedTest
    @CsvSource({
        "ratelimit.dashboard.enabled, true, ratelimit.dashboard",
        "endpoints.ratelimits.sensitive, false, endpoints.ratelimits",
        "endpoints.ratelimit-dashboard.sensitive, false, endpoints.ratelimit-dashboard"
    })
    void startUpFailsAndNamesTheDependency(String name, String value, String prefix) {
        Throwable failure =
                assertThrows(RuntimeException.class, () -> ApplicationContext.run(Map.of(name, value), "test")
                        .close());
        while (failure.getCause() != null && !(failure instanceof ConfigurationException)) {
            failure = failure.getCause();
        }
        assertEquals(
                "`" + prefix + "` is configured, but the module for it is missing; add the dependency "
                        + "io.github.micronautratelimit:micronaut-ratelimit-management, or remove the property.",
                failure.getMessage());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ratelimit.dashboard.enabled",
                "endpoints.ratelimits.enabled",
                "endpoints.ratelimit-dashboard.enabled",
                "endpoints.all.enabled"
            })
    void aDisabledPageOrEndpointNeedsNoModule(String name) {
        try (ApplicationContext context = ApplicationContext.run(Map.of(name, "false"), "test")) {
            assertTrue(context.isRunning());
        }
    }
}
