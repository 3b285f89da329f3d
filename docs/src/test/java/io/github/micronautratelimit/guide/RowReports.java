package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.AsyncRateLimiter;
import io.github.micronautratelimit.Charge;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.Reservation;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

@Singleton
class RowReports {

    private static final Policy ROWS = Policy.of("rows", "100000/min");
    private static final Policy MAILS = Policy.of("mails", "10/min");

    private final AsyncRateLimiter limiter;

    RowReports(RateLimiter limiter) {
        this.limiter = limiter.async();
    }

    // tag::reserve[]
    CompletionStage<Boolean> report(String user, Supplier<CompletionStage<Long>> query) {
        return limiter.reserve(ROWS, user, 1_000, Duration.ofMinutes(5)).thenCompose(reservation -> {
            if (!reservation.decision().allowed()) {
                return CompletableFuture.completedFuture(false); // nothing is charged
            }
            return query.get()
                    .handle((rows, failure) -> failure == null
                            ? reservation.settle(rows) // gives back the rest, or charges what exceeds 1000
                            : reservation.cancel()) // costs nothing
                    .thenCompose(settlement -> settlement)
                    .thenApply(settlement -> true);
        });
    }
    // end::reserve[]

    // tag::queue[]
    /** Returns a text for the message, which another instance settles. */
    CompletionStage<String> enqueue(String user) {
        return limiter.reserve(ROWS, user, 1_000, Duration.ofHours(1)).thenApply(Reservation::toString);
    }

    CompletionStage<Reservation.Outcome> done(String user, String text, long rows) {
        return limiter.readReservation(ROWS, user, text)
                .settle(rows)
                .thenApply(Reservation.Settlement::outcome); // UNKNOWN for a message that arrives twice
    }
    // end::queue[]

    // tag::charge[]
    Optional<Charge> charge(String user, Decision decision) {
        return limiter.charge(new PermitRequest(MAILS, user, 1), decision);
    }

    CompletionStage<Boolean> bounced(Charge charge) {
        return limiter.refund(charge); // false if it was refunded or settled before
    }
    // end::charge[]

    Decision send(String user) {
        return limiter.tryAcquire(MAILS, user, 1).toCompletableFuture().join();
    }

    long rowsLeft(String user) {
        return limiter.peek(ROWS, user, 0).toCompletableFuture().join().remaining();
    }

    long mailsLeft(String user) {
        return limiter.peek(MAILS, user, 0).toCompletableFuture().join().remaining();
    }
}
