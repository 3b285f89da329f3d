package io.github.micronautratelimit;

import java.util.UUID;
import java.util.concurrent.CompletionStage;

/** Forwards all calls for slots, for stores that change some of them. */
public class ForwardingSlots implements ConcurrencyBackend {

    private final ConcurrencyBackend slots;

    /**
     * Creates a backend.
     *
     * @param slots receives the calls
     */
    public ForwardingSlots(ConcurrencyBackend slots) {
        this.slots = slots;
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
        return slots.acquire(policy, key, holder);
    }

    @Override
    public CompletionStage<Boolean> renew(Policy policy, String key, UUID holder) {
        return slots.renew(policy, key, holder);
    }

    @Override
    public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
        return slots.release(policy, key, holder);
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key) {
        return slots.peek(policy, key);
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return slots.reset(policy, key);
    }
}
