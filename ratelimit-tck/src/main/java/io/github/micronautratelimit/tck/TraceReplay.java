package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.ReservationRules;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.tck.GoldenTrace.Answer;
import io.github.micronautratelimit.tck.GoldenTrace.Row;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletionStage;

/** Executes the rows of a trace on a backend. */
final class TraceReplay implements TraceStep {

    private static final String KEY = "key";

    private final RateLimitBackend backend;
    private final VirtualClock clock;
    private final Policy policy;
    private final List<Row> rows = new ArrayList<>();
    private final List<Decision> decisions = new ArrayList<>();

    TraceReplay(RateLimitBackend backend, VirtualClock clock, Policy policy) {
        this.backend = backend;
        this.clock = clock;
        this.policy = policy;
    }

    /** Returns the policy of a trace. */
    static Policy policyOf(Policy policy, boolean refundedAtExpiry) {
        return refundedAtExpiry
                ? policy.withReservations(
                        new ReservationRules(ReservationRules.MOST_OPEN, ReservationRules.CAPACITY, true))
                : policy;
    }

    @Override
    public Answer execute(Row row) {
        clock.set(row.timeMicros());
        rows.add(row);
        return switch (row.operation()) {
            case ACQUIRE -> decided(backend.acquire(policy, KEY, row.permits()));
            case REFUND -> {
                int charge = (int) row.argument() - 1;
                yield changed(backend.refund(policy, KEY, rows.get(charge).permits(), chargedAt(charge)));
            }
            case REFUND_LATEST -> changed(backend.refund(policy, KEY, row.permits(), LimitState.LATEST));
            case RESERVE -> decided(
                    backend.reserve(policy, KEY, new UUID(0, rows.size()), row.permits(), row.argument()));
            case SETTLE -> settled(row);
            case BLOCK -> changed(backend.block(policy, KEY, row.argument()));
        };
    }

    private long chargedAt(int index) {
        return ((Decision.Allowed) decisions.get(index)).chargedAtMicros();
    }

    private Answer settled(Row row) {
        int number = (int) row.argument();
        long chargedAt = chargedAt(number - 1);
        Row reserved = rows.get(number - 1);
        Reservation.Settlement settlement = join(backend.settle(
                policy,
                KEY,
                new Reservation.Receipt(
                        new UUID(0, number), reserved.permits(), chargedAt, chargedAt + reserved.argument()),
                row.permits()));
        decisions.add(settlement.after());
        Answer after = Answer.of(settlement.after());
        return new Answer(
                settlement.outcome() != Reservation.Outcome.UNKNOWN,
                after.remaining(),
                after.retryAfterMicros(),
                after.resetAfterMicros());
    }

    private Answer decided(CompletionStage<Decision> stage) {
        Decision decision = join(stage);
        decisions.add(decision);
        return Answer.of(decision);
    }

    private Answer changed(CompletionStage<Void> change) {
        join(change);
        return decided(backend.peek(policy, KEY, 0));
    }

    private static <T> T join(CompletionStage<T> stage) {
        return stage.toCompletableFuture().join();
    }
}
