package io.github.micronautratelimit;

import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.limit.Limit;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Counts denials, and blocks keys as {@link Policy#withBlock} says. No request waits for it. Only denials of the store
 * count, because a fallback does not know what the other instances have seen. Safe for use by any number of threads.
 */
final class Penalties {

    private static final Logger LOG = LoggerFactory.getLogger(Penalties.class);

    private static final String DENIALS = ":denials";
    private static final String BLOCKS = ":blocks";
    /** The length of the longest text that follows the name of a policy in the names of its counters. */
    static final int LONGEST_SUFFIX = 8;

    private final RateLimitBackend backend;
    private final EventDispatcher events;
    private final AtomicBoolean failed = new AtomicBoolean();

    Penalties(RateLimitBackend backend, EventDispatcher events) {
        this.backend = backend;
        this.events = events;
    }

    /**
     * Counts a decision if it is a denial.
     *
     * @param request its request, with the key as it is in the store
     */
    void decided(PermitRequest request, Decision decision) {
        Penalty penalty = request.policy().penalty();
        if (penalty == null || !(decision instanceof Decision.Denied) || !isOfStore(decision)) {
            return;
        }
        Policy denials = counter(request.policy(), DENIALS, penalty.denials());
        acquire(denials, request.key())
                .thenCompose(counted -> counted.allowed() && counted.remaining() == 0 && isOfStore(counted)
                        ? block(request, decision, denials, penalty)
                        : CompletableFuture.completedStage(null))
                .exceptionally(this::logFailure);
    }

    private static boolean isOfStore(Decision decision) {
        return decision.source() == Decision.Source.STORE || decision.source() == Decision.Source.DENY_CACHE;
    }

    /** A counter that the store does not keep blocks no key, so on-error may grant anything. */
    private static Policy counter(Policy policy, String suffix, Limit limit) {
        return Policy.of(policy.name() + suffix, List.of(limit))
                .withOnError(OnError.OPEN)
                .withDeadline(policy.deadline())
                .withGeneration(policy.generation());
    }

    private CompletionStage<Decision> acquire(Policy counter, String key) {
        return Futures.call(() -> backend.acquire(counter, key, 1));
    }

    private CompletionStage<Void> block(PermitRequest request, Decision denial, Policy denials, Penalty penalty) {
        if (!penalty.grows()) {
            return block(request, denial, denials, penalty.blockMicros());
        }
        return acquire(counter(request.policy(), BLOCKS, penalty.blocks()), request.key())
                .thenCompose(counted -> block(
                        request,
                        denial,
                        denials,
                        isOfStore(counted) ? penalty.microsAfter(counted.remaining()) : penalty.blockMicros()));
    }

    /** Also blocks the counter, so that denials of the block itself do not count for the next one. */
    private CompletionStage<Void> block(PermitRequest request, Decision denial, Policy denials, long micros) {
        events.countBlock(request, denial);
        return Futures.call(() -> backend.block(request.policy(), request.key(), micros))
                .thenCompose(blocked -> Futures.call(() -> backend.block(denials, request.key(), micros)));
    }

    private Void logFailure(Throwable failure) {
        if (failed.compareAndSet(false, true)) {
            LOG.warn(
                    "A key could not be blocked after repeated denials. Its requests are limited as without a block. "
                            + "Further failures are not logged.",
                    Futures.unwrap(failure));
        }
        return null;
    }
}
