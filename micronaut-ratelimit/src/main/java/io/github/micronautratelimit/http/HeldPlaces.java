package io.github.micronautratelimit.http;

import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.micronaut.context.event.ApplicationEventListener;
import io.micronaut.context.event.ShutdownEvent;
import jakarta.inject.Singleton;

/**
 * The places that requests and connections hold. When the application stops, all are given back while the store can still
 * be asked: the server closes connections later, and the store's client does not wait for them.
 */
@Singleton
@RequiresRateLimit
final class HeldPlaces implements ApplicationEventListener<ShutdownEvent> {

    private static final long SECONDS_AT_STOP = 2;

    private final Set<Lease> held = ConcurrentHashMap.newKeySet();
    private final Set<CompletableFuture<Void>> givingBack = ConcurrentHashMap.newKeySet();

    /**
     * Keeps what a lease holds.
     *
     * @return gives it back, and does not wait for it
     */
    Runnable hold(Lease lease) {
        held.add(lease);
        return () -> giveBack(lease);
    }

    /** Whoever looks at the same time finds the lease among those held, or what says that it is given back, or both. */
    private void giveBack(Lease lease) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        givingBack.add(done);
        done.whenComplete((nothing, failure) -> givingBack.remove(done));
        if (held.remove(lease)) {
            lease.release().whenComplete((released, failure) -> done.complete(null));
        } else {
            done.complete(null);
        }
    }

    @Override
    public void onApplicationEvent(ShutdownEvent event) {
        held.forEach(this::giveBack);
        CompletableFuture.allOf(givingBack.toArray(CompletableFuture<?>[]::new))
                .completeOnTimeout(null, SECONDS_AT_STOP, TimeUnit.SECONDS).join();
    }
}
