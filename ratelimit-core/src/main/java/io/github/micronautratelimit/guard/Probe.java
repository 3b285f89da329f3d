package io.github.micronautratelimit.guard;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.StoreThrottledException;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.internal.Scheduler;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** Calls that find out whether a part of a store answers. One answer to one of several keys is enough. */
final class Probe {

    /** Writes to the store like a request; its state expires there at once. */
    private static final Policy PROBE = Policy.of("ratelimit-probe", "1000/s").withOnError(OnError.CLOSED);
    /** Enough to find a key on one of many parts if none of the failed keys can be used. */
    private static final int MAX_SAMPLES = 1_000;

    private final List<CompletableFuture<Decision>> calls;
    /**
     * Completes with {@code null} at the first answer or without calls, or with a failure when all calls have failed.
     */
    private final CompletableFuture<@Nullable Throwable> outcome = new CompletableFuture<>();

    private Probe(List<CompletableFuture<Decision>> calls) {
        this.calls = calls;
        List<CompletableFuture<@Nullable Throwable>> failures = new ArrayList<>();
        for (CompletableFuture<Decision> call : calls) {
            failures.add(call.handle((decision, failure) -> {
                Throwable reason = failure == null ? null : Futures.unwrap(failure);
                if (reason == null
                        || reason instanceof NonRetryableStoreException
                        || reason instanceof StoreThrottledException) {
                    outcome.complete(null);
                }
                return reason;
            }));
        }
        CompletableFuture.allOf(failures.toArray(CompletableFuture<?>[]::new))
                .thenRun(() -> outcome.complete(
                        failures.isEmpty() ? null : failures.get(0).join()));
    }

    /**
     * Sends a probe. If the store has moved the keys of all failed calls to other parts since, no call is made, because
     * requests no longer go to this part.
     */
    static Probe send(RateLimitBackend store, PartHealth part, BiFunction<Policy, String, String> partOf) {
        List<PermitRequest> failed = part.latestFailed();
        boolean moved =
                failed.stream().noneMatch(request -> part.name().equals(partOf.apply(request.policy(), request.key())));
        List<String> keys = moved ? List.of() : keys(failed, part.name(), partOf);
        return new Probe(keys.stream()
                .map(key -> Futures.call(() -> store.acquire(PROBE, key, 1)).toCompletableFuture())
                .toList());
    }

    private static List<String> keys(
            List<PermitRequest> failed, String part, BiFunction<Policy, String, String> partOf) {
        List<String> keys = new ArrayList<>();
        failed.stream()
                .map(PermitRequest::key)
                .filter(key -> part.equals(partOf.apply(PROBE, key)))
                .forEach(keys::add);
        for (int i = 0; i < MAX_SAMPLES && keys.size() < PartHealth.MAX_PROBES; i++) {
            String sample = "ratelimit-probe-" + i;
            if (part.equals(partOf.apply(PROBE, sample))) {
                keys.add(sample);
            }
        }
        return keys.isEmpty() ? failed.stream().map(PermitRequest::key).toList() : keys;
    }

    /**
     * Waits for an answer.
     *
     * @param endNanos the end of the wait, by the clock of the scheduler
     * @return {@code null} if the part answers, otherwise the failure
     */
    @Nullable
    Throwable await(long endNanos, Scheduler scheduler) throws InterruptedException {
        try {
            return scheduler.await(outcome, endNanos - scheduler.nanoTime());
        } catch (ExecutionException e) {
            return e;
        } catch (TimeoutException e) {
            return new TimeoutException("The store did not answer a probe before the deadline.");
        } finally {
            calls.forEach(call -> call.cancel(false));
        }
    }
}
