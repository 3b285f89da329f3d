package io.github.micronautratelimit;

import java.util.List;
import java.util.concurrent.CompletionStage;

/**
 * The slots that a request under a policy in shadow mode gets, if it gets any. Nothing waits for them.
 *
 * @param policy the policy
 * @param held   completes with the slots
 */
record ShadowSlots(Policy policy, CompletionStage<List<HeldSlot>> held) {

    /** Releases the slots, also those that the store grants later. */
    void release() {
        held.thenAccept(slots -> slots.forEach(HeldSlot::release));
    }
}
