package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Charge;
import io.github.micronautratelimit.Reservation;
import io.micronaut.context.annotation.Property;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** Runs the code of the chapter on costs that are known afterwards. The example tests the controller. */
@MicronautTest(environments = "guide", rebuildContext = true)
@Property(name = "ratelimit.backend", value = "memory")
class CostsKnownAfterwardsTest {

    @Inject
    RowReports reports;

    private boolean report(CompletableFuture<Long> rows) {
        return reports.report("a", () -> rows).toCompletableFuture().join();
    }

    @Test
    void reportCostsItsRows() {
        assertTrue(report(CompletableFuture.completedFuture(10L)));
        assertEquals(99_990, reports.rowsLeft("a"));
        assertTrue(report(CompletableFuture.completedFuture(5_990L)));
        assertEquals(94_000, reports.rowsLeft("a"));
        assertTrue(report(CompletableFuture.failedFuture(new IllegalStateException("The database is away."))));
        assertEquals(94_000, reports.rowsLeft("a"));
        assertTrue(report(CompletableFuture.completedFuture(100_000L)));
        assertFalse(report(CompletableFuture.completedFuture(0L)), "6000 rows of debt");
    }

    @Test
    void anotherInstanceSettlesOnce() {
        String text = reports.enqueue("a").toCompletableFuture().join();
        assertEquals(
                Reservation.Outcome.SETTLED,
                reports.done("a", text, 400).toCompletableFuture().join());
        assertEquals(
                Reservation.Outcome.UNKNOWN,
                reports.done("a", text, 400).toCompletableFuture().join());
        assertEquals(99_600, reports.rowsLeft("a"));
        assertThrows(IllegalArgumentException.class, () -> reports.done("b", text, 400));
    }

    @Test
    void bouncedMailIsRefundedOnce() {
        Charge charge = reports.charge("a", reports.send("a")).orElseThrow();
        assertEquals(9, reports.mailsLeft("a"));
        assertTrue(reports.bounced(charge).toCompletableFuture().join());
        assertFalse(reports.bounced(charge).toCompletableFuture().join());
        assertEquals(10, reports.mailsLeft("a"));
    }
}
