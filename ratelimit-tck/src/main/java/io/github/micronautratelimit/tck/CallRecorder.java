package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.tck.RecordedCall.Verb;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/** Calls a backend on one key and records the calls. Used by one thread. */
final class CallRecorder {

    private static final String KEY = "key";

    private final RateLimitBackend backend;
    private final ToLongFunction<Decision> timeOf;
    private final List<RecordedCall> calls = new ArrayList<>();

    /** Permits that this caller was granted and may give back or settle; shared by the recorders of a caller. */
    static final class Held {

        final Deque<ExactModel.Open> charges = new ArrayDeque<>();
        final Deque<ExactModel.Open> reservations = new ArrayDeque<>();
    }

    private final Held held;

    CallRecorder(RateLimitBackend backend, ToLongFunction<Decision> timeOf) {
        this(backend, timeOf, new Held());
    }

    /**
     * @param backend the store
     * @param timeOf  the instant at which the store made a decision, in microseconds since the epoch
     */
    CallRecorder(RateLimitBackend backend, ToLongFunction<Decision> timeOf, Held held) {
        this.held = held;
        this.backend = backend;
        this.timeOf = timeOf;
    }

    List<RecordedCall> calls() {
        return calls;
    }

    /** Returns the permits that were granted. */
    long acquire(Policy policy, long permits) {
        long invoked = System.nanoTime();
        Decision decision = join(backend.acquire(policy, KEY, permits));
        if (decision instanceof Decision.Allowed allowed) {
            held.charges.add(open(UUID.randomUUID(), permits, allowed, 0));
        }
        return decided(Verb.ACQUIRE, policy, permits, null, invoked, decision) ? permits : 0;
    }

    /** Returns the permits that were granted. */
    long acquireBatch(Policy policy, List<Long> costs) {
        long invoked = System.nanoTime();
        List<Decision> decisions = join(backend.acquireBatch(policy, KEY, costs));
        long granted = 0;
        for (int i = 0; i < costs.size(); i++) {
            granted += decided(Verb.ACQUIRE, policy, costs.get(i), null, invoked, decisions.get(i)) ? costs.get(i) : 0;
        }
        return granted;
    }

    void peek(Policy policy, long permits) {
        long invoked = System.nanoTime();
        Decision decision = join(backend.peek(policy, KEY, permits));
        decided(Verb.PEEK, policy, permits, null, invoked, decision);
    }

    void refund(Policy policy, long permits) {
        long invoked = System.nanoTime();
        join(backend.refund(policy, KEY, permits, LimitState.LATEST));
        done(Verb.REFUND, policy, permits, null, invoked);
    }

    /** Gives back the oldest charge of this caller, if there is one. */
    void refundCharge(Policy policy) {
        ExactModel.Open charge = held.charges.poll();
        if (charge != null) {
            long invoked = System.nanoTime();
            join(backend.refund(policy, KEY, charge.permits(), charge.chargedAt()));
            done(Verb.REFUND_CHARGE, policy, 0, charge, invoked);
        }
    }

    void reserve(Policy policy, long permits, long ttlMicros) {
        UUID id = UUID.randomUUID();
        long invoked = System.nanoTime();
        Decision decision = join(backend.reserve(policy, KEY, id, permits, ttlMicros));
        long at = timeOf.applyAsLong(decision);
        ExactModel.Open asked = new ExactModel.Open(id, permits, at, at + ttlMicros, false);
        if (decision instanceof Decision.Allowed allowed) {
            held.reservations.add(open(id, permits, allowed, ttlMicros));
        }
        decided(Verb.RESERVE, policy, permits, asked, invoked, decision);
    }

    /** Settles the oldest reservation of this caller, if there is one. */
    void settle(Policy policy, long actual) {
        ExactModel.Open reserved = held.reservations.poll();
        if (reserved != null) {
            long invoked = System.nanoTime();
            Reservation.Settlement settlement = join(backend.settle(
                    policy,
                    KEY,
                    new Reservation.Receipt(
                            reserved.id(), reserved.permits(), reserved.chargedAt(), reserved.expiresAt()),
                    actual));
            GoldenTrace.Answer state = GoldenTrace.Answer.of(settlement.after());
            calls.add(new RecordedCall(
                    Verb.SETTLE,
                    policy.rateLimits(),
                    actual,
                    reserved,
                    timeOf.applyAsLong(settlement.after()),
                    invoked,
                    System.nanoTime(),
                    new GoldenTrace.Answer(
                            settlement.outcome() != Reservation.Outcome.UNKNOWN,
                            state.remaining(),
                            0,
                            state.resetAfterMicros())));
        }
    }

    private static ExactModel.Open open(UUID id, long permits, Decision.Allowed decision, long ttlMicros) {
        long at = decision.chargedAtMicros();
        return new ExactModel.Open(id, permits, at, at + ttlMicros, false);
    }

    void block(Policy policy, long micros) {
        long invoked = System.nanoTime();
        join(backend.block(policy, KEY, micros));
        done(Verb.BLOCK, policy, micros, null, invoked);
    }

    void reset(Policy policy) {
        long invoked = System.nanoTime();
        join(backend.reset(policy, KEY));
        done(Verb.RESET, policy, 0, null, invoked);
    }

    private boolean decided(
            Verb verb, Policy policy, long permits, ExactModel.@Nullable Open charge, long invoked, Decision decision) {
        calls.add(new RecordedCall(
                verb,
                policy.rateLimits(),
                permits,
                charge,
                timeOf.applyAsLong(decision),
                invoked,
                System.nanoTime(),
                GoldenTrace.Answer.of(decision)));
        return decision.allowed();
    }

    private void done(Verb verb, Policy policy, long amount, ExactModel.@Nullable Open charge, long invoked) {
        calls.add(new RecordedCall(
                verb, policy.rateLimits(), amount, charge, RecordedCall.UNKNOWN, invoked, System.nanoTime(), null));
    }

    private static <T> T join(CompletionStage<T> stage) {
        return stage.toCompletableFuture().join();
    }
}
