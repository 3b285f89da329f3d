package io.github.micronautratelimit.messaging;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.limit.LimitState;
import io.micronaut.core.annotation.Internal;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Takes permits and slots for messages, and waits in turn for as long as it takes. A denial is repeated: a full queue,
 * an outage under {@code on-error: closed} and a block end. Only two denials are final: that of a policy with a
 * {@code max-wait} of its own, and that of a cost above the capacity.
 */
@Internal
@Singleton
@RequiresRateLimit
public class MessageTurns {

    /** The longest wait that the limiter accepts. Longer ones are repeated. */
    private static final Duration LONGEST_WAIT = Duration.ofHours(1);

    private static final long SHORTEST_PAUSE_MICROS = 50_000;
    private static final long LONGEST_PAUSE_MICROS = 30_000_000;

    private final RateLimiter limiter;
    private final Set<Turn> waiting = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    MessageTurns(RateLimiter limiter) {
        this.limiter = limiter;
    }

    /**
     * Takes permits and slots.
     *
     * @param requests the requests of one delivery
     * @return completes with the lease, which is denied only if the denial is final; fails if the application stops. To
     *         stop waiting, cancel it: then nothing is charged
     */
    public CompletableFuture<Lease> acquire(List<PermitRequest> requests) {
        Set<String> bounded = new HashSet<>();
        requests.stream()
                .filter(request -> request.policy().maxWait() != null)
                .forEach(request -> bounded.add(request.policy().name()));
        Turn turn = new Turn(requests.stream().map(MessageTurns::waiting).toList(), bounded);
        turn.attempt();
        if (!turn.isDone()) {
            waiting.add(turn);
            turn.whenComplete((lease, failure) -> waiting.remove(turn));
            turn.endIfClosed();
        }
        return turn;
    }

    private static PermitRequest waiting(PermitRequest request) {
        return request.policy().maxWait() != null
                ? request
                : new PermitRequest(
                        request.policy().withMaxWait(LONGEST_WAIT), request.key(), request.permits(), request.origin());
    }

    /**
     * Gives back the permits and slots of a lease that is not used.
     *
     * @param lease a lease; nothing happens if it was denied
     */
    public void giveBack(Lease lease) {
        if (lease.allowed()) {
            limiter.async().refund(lease.decisions());
            lease.close();
        }
    }

    @PreDestroy
    void close() {
        closed = true;
        waiting.forEach(Turn::endIfClosed);
    }

    /** The turn of one delivery: one attempt after the other. */
    private final class Turn extends CompletableFuture<Lease> {

        private final List<PermitRequest> requests;
        private final Set<String> bounded;
        private volatile @Nullable CompletableFuture<Lease> attempt;

        Turn(List<PermitRequest> requests, Set<String> bounded) {
            this.requests = requests;
            this.bounded = bounded;
        }

        void attempt() {
            CompletableFuture<Lease> next =
                    limiter.async().leaseAllInTurn(requests).toCompletableFuture();
            attempt = next;
            next.whenComplete(this::answered);
            if (isDone()) {
                next.cancel(false);
            }
        }

        private void answered(@Nullable Lease lease, @Nullable Throwable failure) {
            if (lease != null && (lease.allowed() || isFinal(lease.decisions()))) {
                if (!complete(lease)) {
                    giveBack(lease);
                }
            } else if (!isDone()) {
                long wait = lease == null ? 0 : lease.decisions().retryAfterMicros();
                long pause = Math.max(SHORTEST_PAUSE_MICROS, Math.min(LONGEST_PAUSE_MICROS, wait));
                CompletableFuture.delayedExecutor(pause, TimeUnit.MICROSECONDS).execute(this::repeat);
            }
        }

        private void repeat() {
            if (!isDone()) {
                attempt();
            }
        }

        private boolean isFinal(Decisions decisions) {
            for (int i = 0; i < decisions.list().size(); i++) {
                if (decisions.list().get(i) instanceof Decision.Denied denied
                        && (denied.retryAfterMicros() == LimitState.NEVER
                                || bounded.contains(
                                        decisions.requests().get(i).policy().name()))) {
                    return true;
                }
            }
            return false;
        }

        void endIfClosed() {
            if (closed
                    && completeExceptionally(
                            new CancellationException("The application stops while a message waits for permits."))) {
                leave();
            }
        }

        @Override
        public boolean cancel(boolean mayInterrupt) {
            boolean cancelled = super.cancel(mayInterrupt);
            if (cancelled) {
                leave();
            }
            return cancelled;
        }

        private void leave() {
            CompletableFuture<Lease> last = attempt;
            if (last != null) {
                last.cancel(false);
            }
        }
    }
}
