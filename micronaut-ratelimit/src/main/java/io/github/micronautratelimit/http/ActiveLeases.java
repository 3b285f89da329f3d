package io.github.micronautratelimit.http;

import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.context.event.ApplicationEventListener;
import io.micronaut.context.event.ShutdownEvent;
import jakarta.inject.Singleton;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * The leases of running requests and open connections. When the application stops, all slots are released while the
 * store can still be called: the server closes connections later, and the client of the store does not wait for them.
 */
@Singleton
@RequiresRateLimit
final class ActiveLeases implements ApplicationEventListener<ShutdownEvent> {

    private static final long SHUTDOWN_TIMEOUT_SECONDS = 2;

    private final Set<Lease> active = ConcurrentHashMap.newKeySet();
    private final Set<CompletableFuture<Void>> releases = ConcurrentHashMap.newKeySet();

    /**
     * Adds a lease.
     *
     * @return releases its slots without waiting
     */
    Runnable add(Lease lease) {
        active.add(lease);
        return () -> release(lease);
    }

    /** Adds the release before it removes the lease, so that a shutdown at the same time finds one of them, or both. */
    private void release(Lease lease) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        releases.add(done);
        done.whenComplete((nothing, failure) -> releases.remove(done));
        if (active.remove(lease)) {
            lease.release().whenComplete((released, failure) -> done.complete(null));
        } else {
            done.complete(null);
        }
    }

    @Override
    public void onApplicationEvent(ShutdownEvent event) {
        active.forEach(this::release);
        CompletableFuture.allOf(releases.toArray(CompletableFuture<?>[]::new))
                .completeOnTimeout(null, SHUTDOWN_TIMEOUT_SECONDS, TimeUnit.SECONDS)
                .join();
    }
}
