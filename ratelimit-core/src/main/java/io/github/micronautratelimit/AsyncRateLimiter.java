package io.github.micronautratelimit;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.internal.Micros;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The verbs of {@link RateLimiter} without waiting: each returns at once, and its stage completes on the thread that
 * receives the answer of the backend. See {@link RateLimiter#async()}.
 *
 * <p>A stage fails with the failure of the backend. Behind a guard decisions never fail, because the {@link OnError} of
 * the policy decides instead. Arguments out of range throw at once. Safe for use by any number of threads.
 */
public final class AsyncRateLimiter {

    private static final Duration SHORTEST_BLOCK = Duration.of(1, ChronoUnit.MICROS);
    private static final Duration SHORTEST_TIME_TO_LIVE = Duration.ofSeconds(1);
    private static final Duration DEFAULT_TIME_TO_LIVE = Duration.ofHours(1);
    private static final Duration LONGEST_TIME_TO_LIVE = Duration.ofHours(24);

    private final RateLimitBackend backend;
    private final EventDispatcher events;
    private final KeyHash.@Nullable Secret secret;
    private final MicroClock clock;
    private final HoldTimes holdTimes = new HoldTimes();
    private final Refunds refunds;
    private final Reservations reservations;
    private final Penalties penalties;
    private final WaitingQueues.Options waitingOptions;
    private final WaitingRequests waiting;
    private final ShadowRequests shadows;
    private final CandidateRequests candidates;

    AsyncRateLimiter(
            RateLimitBackend backend,
            EventDispatcher events,
            KeyHash.@Nullable Secret secret,
            MicroClock clock,
            WaitingQueues.Options waitingOptions) {
        this.clock = clock;
        this.backend = backend;
        this.events = events;
        this.secret = secret;
        this.penalties = new Penalties(backend, events);
        this.refunds = new Refunds(backend, events, this::concealed);
        this.reservations = new Reservations(backend, events);
        this.waitingOptions = waitingOptions;
        this.waiting = new WaitingRequests(
                backend, events, penalties, holdTimes, new WaitingQueues(waitingOptions, !backend.isLocal()));
        this.shadows = new ShadowRequests(backend, events, penalties, holdTimes, waiting::released);
        this.candidates = new CandidateRequests(backend, events);
    }

    /**
     * Takes one permit; see {@link #tryAcquire(Policy, String, long)}.
     *
     * @param policy the policy
     * @param key    identifies the caller that is limited; any text
     * @return completes with the decision
     */
    @CheckReturnValue
    public CompletionStage<Decision> tryAcquire(Policy policy, String key) {
        return tryAcquire(policy, key, 1);
    }

    /**
     * Takes permits if every limit of the policy grants them now.
     *
     * @param policy  the policy
     * @param key     identifies the caller that is limited; any text
     * @param permits the cost, 0 or more
     * @return completes with the decision
     * @throws IllegalArgumentException if permits are negative, or the policy has no rate limits
     */
    @CheckReturnValue
    public CompletionStage<Decision> tryAcquire(Policy policy, String key, long permits) {
        requireRateLimits(policy, permits);
        if (policy.isShadow()) {
            return CompletableFuture.completedFuture(
                    shadows.decide(concealed(new PermitRequest(policy, key, permits))));
        }
        if (events.isEmpty() && policy.penalty() == null && policy.candidate() == null) {
            String concealed = concealed(key);
            return Futures.call(() -> backend.acquire(policy, concealed, permits));
        }
        return decide(concealed(new PermitRequest(policy, key, permits)));
    }

    /** Does the same on the calling thread, without a stage if the backend needs none. */
    Decision tryAcquireBlocking(Policy policy, String key, long permits) {
        if (events.hasListeners() || policy.isOnTrial()) {
            return Futures.await(tryAcquire(policy, key, permits), RateLimitBackendException::of);
        }
        requireRateLimits(policy, permits);
        String concealed = concealed(key);
        Decision decision = backend.acquireBlocking(policy, concealed, permits);
        events.count(policy, PermitRequest.Origin.CODE, permits, decision);
        if (decision instanceof Decision.Denied && policy.penalty() != null) {
            penalties.decided(new PermitRequest(policy, concealed, permits), decision);
        }
        return decision;
    }

    private CompletionStage<Decision> decide(PermitRequest request) {
        long begun = events.begin();
        CompletionStage<Decision> answer = request.policy().candidate() == null
                ? Futures.call(() -> backend.acquire(request.policy(), request.key(), request.permits()))
                : candidates.beside(request);
        if (events.isEmpty() && request.policy().penalty() == null) {
            return answer;
        }
        if (answer instanceof CompletableFuture<Decision> made && made.isDone() && !made.isCompletedExceptionally()) {
            decided(request, made.join(), begun);
            return answer;
        }
        return answer.whenComplete((decision, failure) -> {
            if (failure != null) {
                events.failed(List.of(request), failure, begun);
            } else {
                decided(request, decision, begun);
            }
        });
    }

    private void decided(PermitRequest request, Decision decision, long begun) {
        events.decided(request, decision, begun);
        penalties.decided(request, decision);
    }

    /**
     * Takes permits under several policies, or none under any.
     *
     * @param requests the requests
     * @return completes with the decisions
     * @throws IllegalArgumentException if a policy has no rate limits
     */
    @CheckReturnValue
    public CompletionStage<Decisions> tryAcquireAll(List<PermitRequest> requests) {
        requests.forEach(request -> requireRateLimits(request.policy(), request.permits()));
        List<PermitRequest> enforced = PermitRequest.enforced(requests);
        if (enforced.size() < requests.size()) {
            return tryAcquireAll(enforced).thenApply(made -> shadows.add(requests, concealed(requests), made));
        }
        if (requests.isEmpty()) {
            return CompletableFuture.completedFuture(new Decisions(requests, List.of()));
        }
        List<PermitRequest> concealed = concealed(requests);
        if (concealed.size() == 1) {
            return decide(concealed.get(0)).thenApply(decision -> new Decisions(requests, List.of(decision)));
        }
        long begun = events.begin();
        return decideAll(concealed, () -> backend.acquireAll(concealed)).handle((list, failure) -> {
            dispatch(concealed, list, failure, begun);
            return new Decisions(requests, list);
        });
    }

    /** Makes a call on requests, and beside it the calls for candidates. */
    private CompletionStage<List<Decision>> decideAll(
            List<PermitRequest> requests, Supplier<CompletionStage<List<Decision>>> call) {
        return CandidateRequests.areAmong(requests) ? candidates.beside(requests, call) : Futures.call(call);
    }

    /**
     * Takes one permit and one slot; see {@link #leaseAll}.
     *
     * @param policy the policy, with or without a concurrency limit
     * @param key    the key that the permit and the slot belong to; any text
     * @return completes with the lease, which holds nothing if denied; close it
     */
    @CheckReturnValue
    public CompletionStage<Lease> lease(Policy policy, String key) {
        return leaseAll(List.of(new PermitRequest(policy, key, 1)));
    }

    /**
     * Takes the permits of all rate limits and then one slot per concurrency limit, or nothing at all.
     *
     * <p>Each slot is one exact step in the store, so there are never more holders than slots. If a later step is
     * denied, everything taken is given back; in the meantime other callers may be denied.
     *
     * @param requests the requests; policies with limits of either kind
     * @return completes with the lease, which holds nothing if denied; close it
     */
    @CheckReturnValue
    public CompletionStage<Lease> leaseAll(List<PermitRequest> requests) {
        if (haveRateLimitsOnly(requests)) {
            return tryAcquireAll(requests).thenApply(decisions -> new Lease(decisions, List.of()));
        }
        List<PermitRequest> enforced = PermitRequest.enforced(requests);
        if (enforced.size() < requests.size()) {
            return leaseAll(enforced).thenApply(lease -> shadows.add(requests, concealed(requests), lease));
        }
        List<PermitRequest> concealed = concealed(requests);
        List<PermitRequest> split = LeaseAcquisition.split(concealed);
        long begun = events.begin();
        LeaseAcquisition acquisition = new LeaseAcquisition(backend, holdTimes, concealed, waiting::released);
        return decideAll(split, acquisition::acquire).handle((list, failure) -> {
            dispatch(failure == null ? split : concealed, list, failure, begun);
            return new Lease(new Decisions(LeaseAcquisition.split(requests), list), acquisition.held());
        });
    }

    /**
     * Takes permits, and waits in turn until every limit of the policy grants them. Callers of this limiter that wait
     * for the same policy and key are granted first-in first-out, as early as the limits allow. A call that does not
     * wait, such as {@link #tryAcquire}, may take permits before them, and so may other instances. Instances have no
     * order, but each gets about the same share.
     *
     * <p>The request is denied at once, and nothing is charged, if
     * <ul>
     *   <li>it is known that its turn comes later than after {@code maxWait}; the time to wait counts the callers
     *       ahead, and is a lower bound if other instances or windows make the turn uncertain,</li>
     *   <li>it costs more than the capacity, or {@link RateLimiterBuilder#maxWaiting} callers wait already,</li>
     *   <li>the store is unavailable and the policy says {@link OnError#CLOSED}, or the limiter is closed.</li>
     * </ul>
     * No thread waits. After a wait, the stage completes on a thread on which callbacks may block. To stop waiting,
     * cancel the future of the stage: then nothing is charged, or a grant at the same time is given back.
     * Listeners receive the final decision only.
     *
     * @param policy  the policy
     * @param key     identifies the caller that is limited; any text
     * @param permits the cost, 0 or more
     * @param maxWait the longest time to wait, at most 1 hour; with zero, the same as {@link #tryAcquire}
     * @return completes with the decision; {@link CompletionStage#toCompletableFuture()} returns the future to cancel
     * @throws IllegalArgumentException if permits are negative, the wait is out of range, or the policy has no rate
     *                                  limits
     */
    @CheckReturnValue
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits, Duration maxWait) {
        long nanos = WaitingRequests.requireNanos(maxWait);
        if (nanos == 0 || policy.isShadow()) {
            return tryAcquire(policy, key, permits);
        }
        requireRateLimits(policy, permits);
        return waiting.acquire(policy, concealed(key), permits, nanos);
    }

    /** Does the same on the calling thread, without a stage if the permits are free. */
    Decision acquireBlocking(Policy policy, String key, long permits, Duration maxWait) {
        long nanos = WaitingRequests.requireNanos(maxWait);
        if (nanos == 0 || policy.isShadow()) {
            return tryAcquireBlocking(policy, key, permits);
        }
        requireRateLimits(policy, permits);
        return waiting.acquireBlocking(policy, concealed(key), permits, nanos);
    }

    /**
     * Takes permits under several policies, or none under any, and waits in turn as in {@link #acquire}. Callers of
     * several policies wait in one line per key of the first policy, one attempt after the other. Those that wait for
     * one policy alone have a line of their own.
     *
     * @param requests the requests
     * @param maxWait  the longest time to wait, at most 1 hour; with zero, the same as {@link #tryAcquireAll}
     * @return completes with the decisions
     * @throws IllegalArgumentException if the wait is out of range, or a policy has no rate limits
     */
    @CheckReturnValue
    public CompletionStage<Decisions> acquireAll(List<PermitRequest> requests, Duration maxWait) {
        long nanos = WaitingRequests.requireNanos(maxWait);
        if (nanos == 0 || requests.isEmpty()) {
            return tryAcquireAll(requests);
        }
        requests.forEach(request -> requireRateLimits(request.policy(), request.permits()));
        List<PermitRequest> enforced = PermitRequest.enforced(requests);
        return enforced.size() < requests.size()
                ? ShadowRequests.join(
                        acquireAll(enforced, maxWait), made -> shadows.add(requests, concealed(requests), made))
                : waiting.acquireAll(requests, concealed(requests), nanos);
    }

    /**
     * Takes permits and slots like {@link #leaseAll(List)}, and waits in turn as in {@link #acquireAll}. When a slot is
     * free again is not known, so a caller waits for it until its time ends. It tries when this limiter releases a slot
     * of the first concurrency limit and key, and at least once a second, because other instances release slots too.
     *
     * @param requests the requests; policies with limits of either kind
     * @param maxWait  the longest time to wait, at most 1 hour; with zero, the same as {@link #leaseAll(List)}
     * @return completes with the lease, which holds nothing if denied; close it
     * @throws IllegalArgumentException if the wait is out of range
     */
    @CheckReturnValue
    public CompletionStage<Lease> leaseAll(List<PermitRequest> requests, Duration maxWait) {
        long nanos = WaitingRequests.requireNanos(maxWait);
        List<PermitRequest> enforced = PermitRequest.enforced(requests);
        if (nanos == 0 || enforced.isEmpty()) {
            return leaseAll(requests);
        }
        return enforced.size() < requests.size()
                ? ShadowRequests.join(
                        leaseAll(enforced, maxWait), lease -> shadows.add(requests, concealed(requests), lease))
                : waiting.leaseAll(requests, concealed(requests), nanos);
    }

    /**
     * Takes permits and slots, and waits in turn as the policies say: a denial is waited for as long as the denying
     * policy has it in {@link Policy#maxWait()}. If no policy has a wait, the same as {@link #leaseAll(List)}.
     *
     * @param requests the requests; policies with limits of either kind
     * @return completes with the lease, which holds nothing if denied; close it
     */
    @CheckReturnValue
    public CompletionStage<Lease> leaseAllInTurn(List<PermitRequest> requests) {
        if (!mayWait(requests)) {
            return leaseAll(requests);
        }
        List<PermitRequest> enforced = PermitRequest.enforced(requests);
        return enforced.size() < requests.size()
                ? ShadowRequests.join(
                        leaseAllInTurn(enforced), lease -> shadows.add(requests, concealed(requests), lease))
                : waiting.leaseAll(requests, concealed(requests), WaitingCaller.OF_POLICIES);
    }

    /**
     * Returns whether a policy has a wait, so that the future of {@link #leaseAllInTurn} may be cancelled. A lease
     * without a wait must not be: its slots would be held until they expire.
     *
     * @param requests the requests
     * @return {@code true} if at least one may wait
     */
    public static boolean mayWait(List<PermitRequest> requests) {
        for (PermitRequest request : requests) {
            if (request.policy().maxWait() != null && !request.policy().isShadow()) {
                return true;
            }
        }
        return false;
    }

    private static boolean haveRateLimitsOnly(List<PermitRequest> requests) {
        for (PermitRequest request : requests) {
            if (request.policy().concurrency() != null) {
                return false;
            }
        }
        return true;
    }

    /** Dispatches decisions, or a failure, which it throws again. */
    private void dispatch(List<PermitRequest> concealed, List<Decision> list, @Nullable Throwable failure, long begun) {
        if (failure != null) {
            events.failed(concealed, failure, begun);
            throw new CompletionException(Futures.unwrap(failure));
        }
        events.decided(concealed, list, begun);
        for (int i = 0; i < list.size(); i++) {
            penalties.decided(concealed.get(i), list.get(i));
        }
    }

    /**
     * Reports decisions that an integration has made without the store, such as the denials of
     * {@link Decision.Source#CONFIGURATION}, to the listeners and the decision counters.
     *
     * @param decisions the decisions
     */
    public void report(Decisions decisions) {
        events.decided(concealed(decisions.requests()), decisions.list(), events.begin());
    }

    /**
     * Returns the decision that a request would get now, without taking permits. Under a policy with a concurrency
     * limit this is the decision on the permits and a slot.
     *
     * @param policy  the policy
     * @param key     identifies the caller that is limited
     * @param permits the cost, 0 or more; 0 reads the state of the key
     * @return completes with the decision
     * @throws IllegalArgumentException if permits are negative
     */
    @CheckReturnValue
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        PermitRequest.requireNotNegative(permits);
        String concealed = concealed(key);
        if (policy.concurrency() == null) {
            return Futures.call(() -> backend.peek(policy, concealed, permits));
        }
        CompletionStage<Decision> slot = Futures.call(
                        () -> backend.concurrency().peek(policy.concurrencyOnly(), concealed))
                .thenApply(decision -> holdTimes.estimated(policy, decision));
        return policy.rateLimits().isEmpty()
                ? slot
                : Futures.call(() -> backend.peek(policy.rateLimitsOnly(), concealed, permits))
                        .thenCombine(slot, AsyncRateLimiter::both);
    }

    /**
     * Returns how much of each rate limit a key has used, in one call of the store, for pages that show customers their
     * quotas. Takes no permits. Permits that an instance has prefetched count as used. If the store is unavailable, the
     * {@link OnError} of the policy decides, and {@link Limit.Usage#estimated} says so.
     *
     * @param policy the policy
     * @param key    identifies the caller that is limited
     * @return completes with one element per rate limit, in the order of the policy
     * @throws IllegalArgumentException if the policy has no rate limits
     */
    @CheckReturnValue
    public CompletionStage<List<Limit.Usage>> usage(Policy policy, String key) {
        requireRateLimits(policy, 0);
        String concealed = concealed(key);
        return Futures.call(() -> backend.usage(policy, concealed));
    }

    /**
     * Returns how much of each rate limit the key of an event has used, for listeners, which know only its hash.
     * Otherwise the same as {@link #usage(Policy, String)}.
     *
     * @param event a decision of this limiter
     * @return completes with one element per rate limit, in the order of the policy
     * @throws IllegalArgumentException if the policy has no rate limits
     */
    @CheckReturnValue
    public CompletionStage<List<Limit.Usage>> usage(RateLimitEvent event) {
        requireRateLimits(event.policy(), 0);
        return Futures.call(() -> backend.usage(event.policy(), event.concealedKey()));
    }

    private static Decision both(Decision permits, Decision slot) {
        if (!permits.allowed() || !slot.allowed()) {
            return permits.allowed() ? slot : permits;
        }
        return new Decision.Allowed(
                Math.min(permits.remaining(), slot.remaining()),
                Math.max(permits.resetAfterMicros(), slot.resetAfterMicros()),
                slot.source(),
                (permits.remaining() <= slot.remaining() ? permits : slot).nextPermitMicros(),
                Decision.Allowed.UNKNOWN_TIME);
    }

    /**
     * Gives back the permits that were taken last, for a request that turned out to cost nothing. Meant for operators:
     * the store does not know when these permits were taken, so permits that have come back with time meanwhile are
     * given back once more, at most this number. To give back a request, use {@link #refund(Decisions)}.
     *
     * @param policy  the policy
     * @param key     identifies the caller that is limited
     * @param permits the permits, 0 or more; more than were taken gives back all that were taken
     * @return completes when the permits are given back
     * @throws IllegalArgumentException if permits are negative
     */
    public CompletionStage<Void> refund(Policy policy, String key, long permits) {
        PermitRequest.requireNotNegative(permits);
        String concealed = concealed(key);
        return policy.rateLimits().isEmpty()
                ? CompletableFuture.completedFuture(null)
                : Futures.call(() -> backend.refund(policy, concealed, permits, LimitState.LATEST));
    }

    /**
     * Returns what a decision charged, to keep it and give it back later. A charge that is not kept costs nothing.
     *
     * @param request  the request
     * @param decision the decision on it
     * @return the charge; empty if nothing was charged that could be given back
     */
    public Optional<Charge> charge(PermitRequest request, Decision decision) {
        return Optional.ofNullable(Charge.of(concealed(request), decision));
    }

    /**
     * Reads the text form of a charge. The text is not signed, so do not accept it from a client.
     *
     * @param policy the policy of its request
     * @param key    the key of its request
     * @param text   the result of {@link Charge#toString()}
     * @return the charge, not used yet: callers use a text once
     * @throws IllegalArgumentException if the text is malformed, or belongs to another policy or key
     */
    public Charge readCharge(Policy policy, String key, String text) {
        PermitRequest request = concealed(new PermitRequest(policy, key, 0));
        ReceiptText read = ReceiptText.ofCharge(text, policy, KeyHash.of(request.key()));
        PermitRequest charged = new PermitRequest(read.policyOf(policy), request.key(), read.permits());
        return new Charge(charged, read.decision(), read.id());
    }

    /**
     * Gives back a charge, as far as it still takes permits: permits that have come back with time are not given back
     * once more. {@link LimitState#refund} says how much that is.
     *
     * @param charge a charge
     * @return completes with {@code true} when the permits are given back, and with {@code false} if the charge was
     *         used before; fails if the store failed, and the charge may have been given back or not
     */
    public CompletionStage<Boolean> refund(Charge charge) {
        return charge.use() ? refunds.refund(charge).thenApply(done -> true) : CompletableFuture.completedFuture(false);
    }

    /**
     * Replaces a charge by the real cost, for a caller that keeps the charge itself and needs no reservation: gives
     * back the rest, or charges what exceeds it even if it is not free, as {@link Reservation#settle} does. If the
     * caller ends without it, the charge stays.
     *
     * @param charge a charge; it cannot be given back afterwards
     * @param actual the permits really used, 0 or more
     * @return completes with {@code true} when the real cost is charged, and with {@code false} if the charge was used
     *         before or the cost is negative; fails if the store failed, and the real cost may be charged or not
     */
    public CompletionStage<Boolean> settle(Charge charge, long actual) {
        return actual >= 0 && charge.use()
                ? reservations.settle(charge, actual).thenApply(done -> true)
                : CompletableFuture.completedFuture(false);
    }

    /**
     * Takes permits on an estimate for an hour; see {@link #reserve(Policy, String, long, Duration)}.
     *
     * @param policy   the policy
     * @param key      identifies the caller that is limited
     * @param estimate the permits, 0 or more
     * @return completes with the reservation
     */
    @CheckReturnValue
    public CompletionStage<Reservation> reserve(Policy policy, String key, long estimate) {
        return reserve(policy, key, estimate, DEFAULT_TIME_TO_LIVE);
    }

    /**
     * Takes permits on an estimate, to be settled with the real cost. The decision is that of
     * {@link #tryAcquire(Policy, String, long)}, and as fast. While the store is unavailable, {@link OnError} decides,
     * and the estimate counts.
     *
     * @param policy     the policy; {@link Policy#reservations} bounds its reservations
     * @param key        identifies the caller that is limited
     * @param estimate   the permits, 0 or more
     * @param timeToLive the time until which the reservation must be settled, 1 second to 24 hours
     * @return completes with the reservation; if denied, nothing was charged
     * @throws IllegalArgumentException if the estimate is negative, the time is out of range, or the policy has no rate
     *                                  limits
     */
    @CheckReturnValue
    public CompletionStage<Reservation> reserve(Policy policy, String key, long estimate, Duration timeToLive) {
        requireRateLimits(policy, estimate);
        if (timeToLive.compareTo(SHORTEST_TIME_TO_LIVE) < 0 || timeToLive.compareTo(LONGEST_TIME_TO_LIVE) > 0) {
            throw new IllegalArgumentException(
                    "The time to live of a reservation is " + timeToLive + "; it must be 1 second to 24 hours.");
        }
        PermitRequest request = concealed(new PermitRequest(policy, key, estimate));
        if (policy.isShadow()) {
            return CompletableFuture.completedFuture(reservations.shadowed(request, shadows.decide(request)));
        }
        long begun = events.begin();
        return reservations.reserve(request, Micros.of(timeToLive)).handle((reserved, failure) -> {
            dispatch(List.of(request), reserved == null ? List.of() : List.of(reserved.decision()), failure, begun);
            return reservation(request, reserved.decision(), reserved.receipt());
        });
    }

    /**
     * Reads the text form of a reservation. The text is not signed, so do not accept it from a client.
     *
     * @param policy the policy of its request
     * @param key    the key of its request
     * @param text   the result of {@link Reservation#toString()} of a reservation that was not denied
     * @return the reservation
     * @throws IllegalArgumentException if the text is malformed, or belongs to another policy or key
     */
    public Reservation readReservation(Policy policy, String key, String text) {
        PermitRequest request = concealed(new PermitRequest(policy, key, 0));
        ReceiptText read = ReceiptText.ofReservation(text, policy, KeyHash.of(request.key()));
        Decision.Allowed decision = read.decision();
        return reservation(
                new PermitRequest(read.policyOf(policy), request.key(), 0),
                decision,
                new Reservation.Receipt(read.id(), read.permits(), decision.chargedAtMicros(), read.expiresAtMicros()));
    }

    private Reservation reservation(PermitRequest request, Decision decision, Reservation.Receipt receipt) {
        return new Reservation(
                request, decision, receipt, actual -> reservations.settle(request, decision, receipt, actual));
    }

    /**
     * Gives back all permits that were charged for earlier decisions, in the store or by {@link OnError#LOCAL} in this
     * process, for a request that a later step rejected. Never fails: a refund that fails is lost, which costs permits
     * but grants none. Call it once, because a second call gives back permits of other requests.
     *
     * <p>Permits that have come back with time are not given back once more; see {@link LimitState#refund}.
     *
     * @param decisions the earlier decisions
     * @return completes when the permits are given back
     */
    public CompletionStage<Void> refund(Decisions decisions) {
        return refunds.refund(decisions);
    }

    /**
     * Gives back the permits of an earlier request under the policies for which its outcome costs nothing; see
     * {@link Policy#withChargeOn}. Does not wait for the store, and never fails: a refund that fails is lost, which
     * costs permits but grants none. Call it once, when the outcome is known; permits that have come back with time are
     * not given back once more, as in {@link #refund(Decisions)}.
     *
     * @param decisions the decisions on the request; if one denied it, nothing was charged and nothing happens
     * @param status    the status of its response; 0 if there is none
     * @param failure   the exception with which it ended, or {@code null}
     * @return the decisions as the keys stand after the refund, if no other request has changed them
     */
    public Decisions applyOutcome(Decisions decisions, int status, @Nullable Throwable failure) {
        return refunds.applyOutcome(decisions, status, failure);
    }

    /**
     * Blocks a key for a time on all instances that share the store. Every request for 1 permit or more is denied until
     * the block ends. Spent permits come back with time as usual, so the key is not free earlier than without the
     * block. A key that is already blocked for longer stays so; {@link #reset} lifts a block.
     *
     * <p>While the store is unavailable, {@link OnError} decides without regard to blocks.
     *
     * @param policy   the policy
     * @param key      identifies the caller to block
     * @param duration 1 microsecond to 366 days; a fraction of a microsecond is cut off
     * @return completes when the key is blocked; fails if the backend failed, and the key may be blocked or not
     * @throws IllegalArgumentException if the duration is out of range, or the policy has no rate limits
     */
    public CompletionStage<Void> block(Policy policy, String key, Duration duration) {
        if (duration.compareTo(SHORTEST_BLOCK) < 0 || duration.compareTo(Limit.MAX_PERIOD) > 0) {
            throw new IllegalArgumentException(
                    "The duration of a block is " + duration + "; it must be 1 microsecond to 366 days.");
        }
        requireRateLimits(policy, 0);
        String concealed = concealed(key);
        return Futures.call(() -> backend.block(policy, concealed, Micros.of(duration)));
    }

    /**
     * Removes a key: all permits and slots are free and a block is lifted. Holders of slots try to regain them with the
     * next renewal.
     *
     * @param policy the policy
     * @param key    identifies the caller that is limited
     * @return completes when the key is removed
     */
    public CompletionStage<Void> reset(Policy policy, String key) {
        String concealed = concealed(key);
        CompletionStage<Void> permits = policy.rateLimits().isEmpty()
                ? CompletableFuture.completedFuture(null)
                : Futures.call(() -> backend.reset(policy, concealed));
        return policy.concurrency() == null
                ? permits
                : permits.thenCombine(
                        Futures.call(() -> backend.concurrency().reset(policy, concealed)), (done, too) -> done);
    }

    /** Returns the same verbs on another backend, with the same listeners, counters and key secret. */
    AsyncRateLimiter over(RateLimitBackend other) {
        return new AsyncRateLimiter(other, events, secret, clock, waitingOptions);
    }

    DecisionCounts counts() {
        return events.counts();
    }

    LimiterStats stats() {
        LimiterStats.Collector stats = new LimiterStats.Collector();
        events.collectStats(stats);
        stats.addWaiting(waiting.waiting());
        backend.collectStats(stats);
        return stats.collected();
    }

    void close() {
        waiting.close();
        backend.close();
    }

    private static void requireRateLimits(Policy policy, long permits) {
        PermitRequest.requireNotNegative(permits);
        if (policy.rateLimits().isEmpty()) {
            throw new IllegalArgumentException("The policy \"" + policy.name() + "\" has only the concurrency limit "
                    + policy.concurrency() + ", which grants no permits; call lease().");
        }
    }

    String concealed(String key) {
        return secret == null ? key : secret.conceal(key);
    }

    private PermitRequest concealed(PermitRequest request) {
        return secret == null ? request : request.withKey(secret.conceal(request.key()));
    }

    private List<PermitRequest> concealed(List<PermitRequest> requests) {
        return secret == null
                ? requests
                : requests.stream().map(this::concealed).toList();
    }
}
