package io.github.micronautratelimit.hazelcast;

import java.util.UUID;
import java.util.concurrent.CompletionStage;

import io.github.micronautratelimit.ConcurrencyLimit;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.LeaseBackend;
import io.github.micronautratelimit.Policy;

/** Places in the same map as permits: each key an entry of the same name and a {@code c}. */
final class HazelcastLeases implements LeaseBackend {

    private static final UUID NOBODY = new UUID(0, 0);

    private final HazelcastBackend backend;

    HazelcastLeases(HazelcastBackend backend) {
        this.backend = backend;
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
        return ask(PlaceStep.Kind.ACQUIRE, policy, key, holder);
    }

    @Override
    public CompletionStage<Boolean> renew(Policy policy, String key, UUID holder) {
        return ask(PlaceStep.Kind.RENEW, policy, key, holder).thenApply(Decision::allowed);
    }

    @Override
    public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
        return ask(PlaceStep.Kind.RELEASE, policy, key, holder).thenApply(done -> null);
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key) {
        return ask(PlaceStep.Kind.PEEK, policy, key, NOBODY);
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return backend.forget(name(policy, key));
    }

    private CompletionStage<Decision> ask(PlaceStep.Kind kind, Policy policy, String key, UUID holder) {
        ConcurrencyLimit limit = policy.concurrency();
        if (limit == null) {
            throw new IllegalArgumentException("The policy \"" + policy.name() + "\" has no concurrency limit.");
        }
        return backend.ask(name(policy, key), new PlaceStep(kind, limit, holder));
    }

    /** No hash is so short. */
    private static String name(Policy policy, String key) {
        return HazelcastBackend.name(policy, key) + ":c";
    }
}
