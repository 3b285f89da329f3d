package io.github.micronautratelimit.client;

import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.client.HoldBacks.Partition;
import io.github.micronautratelimit.internal.Futures;
import io.micronaut.core.propagation.PropagatedContext;
import io.micronaut.core.propagation.PropagatedContextElement;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.MutableHttpHeaders;
import io.micronaut.http.MutableHttpRequest;
import io.micronaut.http.ServerHttpRequest;
import io.micronaut.http.client.exceptions.ContentLengthExceededException;
import io.micronaut.http.client.exceptions.EmptyResponseException;
import io.micronaut.http.client.exceptions.HttpClientException;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import io.micronaut.http.client.exceptions.NoHostException;
import io.micronaut.http.filter.FilterContinuation;
import java.io.InputStream;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;

/**
 * One call of a limited client: waits for its turn, calls the service, learns from the answer, and repeats the call if
 * that is configured. All waiting together takes at most the time that the client waits. No thread waits.
 *
 * <p><em>Repetitions.</em> After a failure, the framework runs all filters again for the next attempt, this one too.
 * {@link #repeated} recognizes that attempt and lets it pass.
 */
final class LimitedCall {

    private final LimitedCalls calls;
    private final LimitedClient client;
    private final Partition partition;
    private final MutableHttpRequest<?> request;
    private final FilterContinuation<Publisher<HttpResponse<?>>> continuation;
    private final Executor executor;
    private final PropagatedContext context = PropagatedContext.getOrEmpty();
    private final long deadlineNanos;

    /**
     * An attempt under way that runs the filters again.
     *
     * @param request the request
     * @param headers its headers in the first attempt
     * @param passed  whether the attempt has reached this filter
     */
    private record Repetition(MutableHttpRequest<?> request, Map<String, List<String>> headers, AtomicBoolean passed)
            implements PropagatedContextElement {}

    LimitedCall(
            LimitedCalls calls,
            LimitedClient client,
            MutableHttpRequest<?> request,
            FilterContinuation<Publisher<HttpResponse<?>>> continuation,
            Executor executor) {
        this.calls = calls;
        this.client = client;
        this.partition = calls.partition(client, request);
        this.request = request;
        this.continuation = continuation;
        this.executor = executor;
        this.deadlineNanos = System.nanoTime() + client.maxWait().toNanos();
    }

    /**
     * Returns whether a request is that of a repetition under way, which has had its turn. Its headers are then those
     * of the first attempt, because the filters before this one have added theirs again.
     */
    static boolean repeated(MutableHttpRequest<?> request) {
        Repetition repetition =
                PropagatedContext.getOrEmpty().find(Repetition.class).orElse(null);
        if (repetition == null || repetition.request != request || !repetition.passed.compareAndSet(false, true)) {
            return false;
        }
        MutableHttpHeaders headers = request.getHeaders();
        List.copyOf(headers.names()).forEach(headers::remove);
        repetition.headers.forEach((name, values) -> values.forEach(value -> headers.add(name, value)));
        return true;
    }

    Mono<HttpResponse<?>> send() {
        return attempt(0, client.retries() == 0 ? Map.of() : headers());
    }

    private Map<String, List<String>> headers() {
        Map<String, List<String>> headers = new LinkedHashMap<>();
        request.getHeaders().forEach((name, values) -> headers.put(name, List.copyOf(values)));
        return headers;
    }

    private Mono<HttpResponse<?>> attempt(int repeated, Map<String, List<String>> headers) {
        return turn().flatMap(lease -> Mono.defer(() -> proceed(repeated, headers))
                        .doOnNext(response -> calls.answered(client, partition, response))
                        .doOnError(
                                HttpClientResponseException.class,
                                failure -> calls.answered(client, partition, failure.getResponse()))
                        .doOnTerminate(lease::close)
                        .doOnCancel(lease::close))
                .onErrorResume(failure -> repeat(repeated, headers, failure));
    }

    private Mono<HttpResponse<?>> proceed(int repeated, Map<String, List<String>> headers) {
        PropagatedContext own =
                repeated == 0 ? context : context.plus(new Repetition(request, headers, new AtomicBoolean()));
        return own.propagate(() -> Mono.from(continuation.request(request).proceed()));
    }

    private long remainingNanos() {
        return Math.max(0, deadlineNanos - System.nanoTime());
    }

    /** Waits for a permit. Calls that are held back for too long fail without a call of the store. */
    private Mono<Lease> turn() {
        return Mono.defer(() -> {
            long rest = calls.restNanos(partition);
            if (rest == 0) {
                return acquire();
            }
            if (rest > remainingNanos()) {
                return Mono.error(calls.heldBack(client, partition, rest));
            }
            // The store holds the queue back, so that calls wait there in their order.
            return Mono.fromCompletionStage(() -> calls.stored(partition).thenApply(done -> true))
                    .flatMap(done -> acquire());
        });
    }

    private Mono<Lease> acquire() {
        return Mono.<Lease>create(sink -> {
                    Duration maxWait = Duration.ofNanos(remainingNanos());
                    CompletableFuture<Lease> lease = calls.acquire(client, partition, maxWait);
                    AtomicBoolean ended = new AtomicBoolean();
                    sink.onCancel(() -> {
                        if (ended.compareAndSet(false, true) && !maxWait.isZero()) {
                            lease.cancel(false);
                        }
                    });
                    if (lease.isDone()) {
                        acquired(lease, sink, ended);
                    } else {
                        lease.whenComplete((granted, failure) -> continueOn(() -> acquired(lease, sink, ended)));
                    }
                })
                .flatMap(this::whileHeldBack);
    }

    private void acquired(CompletableFuture<Lease> answer, MonoSink<Lease> sink, AtomicBoolean ended) {
        if (answer.isCompletedExceptionally()) {
            if (ended.compareAndSet(false, true)) {
                answer.whenComplete((lease, failure) -> sink.error(Futures.unwrap(failure)));
            }
            return;
        }
        Lease lease = answer.join();
        if (!ended.compareAndSet(false, true)) {
            calls.giveBack(lease);
        } else if (lease.allowed()) {
            sink.success(lease);
        } else {
            sink.error(new RateLimitExceededException(lease.decisions()));
        }
    }

    /** An answer may have come since, and without the store a grant does not know of it. */
    private Mono<Lease> whileHeldBack(Lease lease) {
        long rest = calls.restNanos(partition);
        if (rest == 0) {
            return Mono.just(lease);
        }
        if (rest > remainingNanos() || !calls.pauses()) {
            calls.giveBack(lease);
            return Mono.error(calls.heldBack(client, partition, rest));
        }
        return pause(rest, () -> {
                    calls.resumed();
                    calls.giveBack(lease);
                })
                .doOnTerminate(calls::resumed)
                .then(Mono.defer(() -> whileHeldBack(lease)));
    }

    private Mono<HttpResponse<?>> repeat(int repeated, Map<String, List<String>> headers, Throwable failure) {
        if (repeated >= client.retries() || !mayRepeat(failure)) {
            return Mono.error(failure);
        }
        long delay = RetryRule.delayNanos(repeated, ThreadLocalRandom.current().nextDouble());
        if (Math.max(delay, calls.restNanos(partition)) > remainingNanos()) {
            return Mono.error(failure);
        }
        calls.counts(client).retried();
        // If the turn comes too late, the answer of the service says more than the denial.
        return pause(delay, () -> {})
                .then(Mono.defer(() -> attempt(repeated + 1, headers)))
                .onErrorMap(RateLimitExceededException.class, denial -> failure);
    }

    private boolean mayRepeat(Throwable failure) {
        if (!client.retryMethods().contains(request.getMethodName()) || isStreamed()) {
            return false;
        }
        if (failure instanceof HttpClientResponseException answer) {
            return RetryRule.isTransient(answer.code());
        }
        return failure instanceof HttpClientException
                && !(failure instanceof NoHostException)
                && !(failure instanceof ContentLengthExceededException)
                && !(failure instanceof EmptyResponseException);
    }

    /** Returns whether the body may be gone after the first attempt. */
    private boolean isStreamed() {
        Object body = request instanceof ServerHttpRequest<?>
                ? request
                : request.getBody().orElse(null);
        return body instanceof ServerHttpRequest<?> || body instanceof Publisher<?> || body instanceof InputStream;
    }

    /** Completes after a time on a thread that may continue the call. */
    private Mono<Void> pause(long nanos, Runnable onCancel) {
        return Mono.create(sink -> {
            sink.onCancel(onCancel::run);
            CompletableFuture.delayedExecutor(nanos, TimeUnit.NANOSECONDS, this::continueOn)
                    .execute(sink::success);
        });
    }

    /** An application that stops has no thread left for a call that waits. */
    private void continueOn(Runnable task) {
        Runnable wrapped = context.wrap(task);
        try {
            executor.execute(wrapped);
        } catch (RejectedExecutionException stopping) {
            wrapped.run();
        }
    }
}
