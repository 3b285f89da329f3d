package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.hotkey.Coalescer;
import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.HotKeyContract;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assertions;

class SqlHotKeyTest extends HotKeyContract {

    private static final int REQUESTS = 4 * 64 * 20;

    private final SqlUnderTest store = new SqlUnderTest() {
        @Override
        public RateLimitBackend connect(MicroClock clock) {
            return new Coalescer(super.connect(clock), Duration.ofMinutes(1));
        }
    };

    @Override
    protected BackendUnderTest open() {
        return store;
    }

    @AfterEach
    void requestsShareTransactions() {
        long transactions = store.roundTrips();
        Assertions.assertTrue(transactions < REQUESTS / 2, () -> transactions + " for " + REQUESTS + " requests");
    }
}
