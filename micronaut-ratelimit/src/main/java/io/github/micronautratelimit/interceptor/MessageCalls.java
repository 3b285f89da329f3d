package io.github.micronautratelimit.interceptor;

import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.messaging.MessageDelivery;
import io.github.micronautratelimit.messaging.MessageTurns;
import io.github.micronautratelimit.policy.LimitBinding;
import io.micronaut.aop.MethodInvocationContext;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Lets the calls of message listeners wait for their turn, because a denied message would be lost. */
@Singleton
@RequiresRateLimit
final class MessageCalls {

    private final CallRequests requests;
    private final MessageTurns turns;

    MessageCalls(CallRequests requests, MessageTurns turns) {
        this.requests = requests;
        this.turns = turns;
    }

    Turn turn(MethodInvocationContext<Object, Object> call) {
        return new Turn(call);
    }

    /** The turn of one call. For use by one thread until the call proceeds. */
    final class Turn {

        private final MethodInvocationContext<Object, Object> call;
        private @Nullable Lease taken;

        private Turn(MethodInvocationContext<Object, Object> call) {
            this.call = call;
        }

        /**
         * Returns whether the client delivers the message again when its turn comes; the call then returns nothing. A
         * method that returns a primitive value cannot, and blocks its thread.
         */
        boolean isPostponed(List<LimitBinding> limits) {
            MessageDelivery delivery = MessageDelivery.current();
            Class<?> returned = call.getReturnType().getType();
            if (delivery == null || returned.isPrimitive() && returned != void.class) {
                return false;
            }
            Lease lease = delivery.takeLease();
            if (lease == null) {
                CompletableFuture<Lease> next = turns.acquire(requests.of(call, limits));
                if (!next.isDone() || next.isCompletedExceptionally()) {
                    delivery.postpone(next, turns::giveBack);
                    return true;
                }
                lease = next.join();
            }
            if (!lease.allowed() && lease.decisions().retryAfterMicros() == LimitState.NEVER && delivery.halve()) {
                return true;
            }
            taken = lease;
            return false;
        }

        /**
         * Returns the lease that was taken already, once, otherwise a new one.
         *
         * @return completes when the turn has come; denied only if no wait can help
         */
        CompletableFuture<Lease> lease(List<LimitBinding> limits) {
            Lease first = taken;
            taken = null;
            return first == null ? turns.acquire(requests.of(call, limits)) : CompletableFuture.completedFuture(first);
        }
    }
}
