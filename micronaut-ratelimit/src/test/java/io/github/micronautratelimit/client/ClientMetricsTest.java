package io.github.micronautratelimit.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.micronautratelimit.RateLimitExceededException;
import io.micrometer.core.instrument.MeterRegistry;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import org.junit.jupiter.api.Test;

/** The metrics of limited clients. */
class ClientMetricsTest {

    private static double count(Application application, String name) {
        return application
                .context
                .getBean(MeterRegistry.class)
                .get(name)
                .tag("client", "partner")
                .functionCounter()
                .count();
    }

    @Test
    void denialsHoldsAndRetriesAreCountedByClient() {
        try (Service service = new Service();
                Application application = Application.start(
                        service, null, "limits", "100/s", "max-wait", "20s", "retry", "1", "max-hold-back", "30s")) {
            service.script = call -> new Service.Answer(429, "Retry-After", call.number() == 1 ? "1" : "60");
            assertThrows(
                    HttpClientResponseException.class,
                    () -> application.partner().get());
            assertThrows(
                    RateLimitExceededException.class,
                    () -> application.partner().get());
            assertEquals(2, count(application, "ratelimit.client.denials"));
            assertEquals(1, count(application, "ratelimit.client.retries"));
            assertEquals(1, count(application, "ratelimit.client.held"));
            assertEquals(31, count(application, "ratelimit.client.hold.time"), 0.01);
        }
    }
}
