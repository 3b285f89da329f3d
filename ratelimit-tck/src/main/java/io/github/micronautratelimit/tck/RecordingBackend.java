package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.internal.Futures;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;

/** Counts the calls that acquire permits, and the permits of which the caller cannot know whether they are charged. */
final class RecordingBackend extends ForwardingBackend {

    private final AtomicLong calls = new AtomicLong();
    private final Map<String, AtomicLong> unanswered = new ConcurrentHashMap<>();

    RecordingBackend(RateLimitBackend backend) {
        super(backend);
    }

    /** Returns the calls to acquire permits so far, including the probes of a guard. */
    long calls() {
        return calls.get();
    }

    /** Returns the permits of a policy whose calls timed out, were cancelled or are still running. */
    long unansweredPermits(Policy policy) {
        return unansweredOf(policy).get();
    }

    private AtomicLong unansweredOf(Policy policy) {
        return unanswered.computeIfAbsent(policy.name(), name -> new AtomicLong());
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        calls.incrementAndGet();
        AtomicLong open = unansweredOf(policy);
        open.addAndGet(permits);
        CompletionStage<Decision> answer = Futures.call(() -> super.acquire(policy, key, permits));
        answer.whenComplete((decision, failure) -> {
            if (failure == null || isUncharged(Futures.unwrap(failure))) {
                open.addAndGet(-permits);
            }
        });
        return answer;
    }

    private static boolean isUncharged(Throwable failure) {
        return !(failure instanceof TimeoutException || failure instanceof CancellationException);
    }

    @Override
    public Decision acquireBlocking(Policy policy, String key, long permits) {
        return awaitAcquire(policy, key, permits);
    }

    @Override
    public CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
        return acquireOneByOne(policy, key, permits);
    }

    /** The {@link FaultyStore} closes its backend. */
    @Override
    public void close() {}
}
