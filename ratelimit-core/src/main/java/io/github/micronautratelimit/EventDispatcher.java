package io.github.micronautratelimit;

import io.github.micronautratelimit.internal.Futures;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Dispatches decisions and failures to listeners and, once enabled, to the decision counters.
 *
 * <p>Inline listeners run on the thread of the decision. All others run on one daemon thread, which exists only while
 * there are events. Without listeners and counters the dispatcher does nothing, not even read the clock, which takes as
 * long as a decision in memory.
 */
final class EventDispatcher {

    private static final Logger LOG = LoggerFactory.getLogger(RateLimitListener.class);

    private final List<RateLimitListener> inline;
    private final List<RateLimitListener> queued;
    /** A field, because every decision reads it. */
    private final boolean hasListeners;

    private final Set<RateLimitListener> failed = ConcurrentHashMap.newKeySet();
    private final LongAdder failures = new LongAdder();
    private final LongAdder dropped = new LongAdder();
    private final ThreadPoolExecutor thread;
    private volatile @Nullable DecisionCounts counts;

    EventDispatcher(List<? extends RateLimitListener> listeners) {
        this.hasListeners = !listeners.isEmpty();
        this.inline = listeners.stream()
                .filter(RateLimitListener::isInline)
                .<RateLimitListener>map(listener -> listener)
                .toList();
        this.queued = listeners.stream()
                .filter(listener -> !listener.isInline())
                .<RateLimitListener>map(listener -> listener)
                .toList();
        this.thread = new ThreadPoolExecutor(
                1,
                1,
                1,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(RateLimitListener.QUEUE),
                task -> {
                    Thread made = new Thread(task, "ratelimit-listeners");
                    made.setDaemon(true);
                    return made;
                },
                (event, full) -> dropped.increment());
        thread.allowCoreThreadTimeOut(true);
    }

    /** Returns the counters, which count from the first call of this method on. */
    synchronized DecisionCounts counts() {
        DecisionCounts counting = counts;
        if (counting == null) {
            counting = new DecisionCounts();
            counts = counting;
        }
        return counting;
    }

    /** Returns whether there is neither a listener nor a counter. */
    boolean isEmpty() {
        return !hasListeners() && counts == null;
    }

    boolean hasListeners() {
        return hasListeners;
    }

    void collectStats(LimiterStats.Collector stats) {
        stats.addListenerFailures(failures.sum());
        stats.addEventsDropped(dropped.sum());
    }

    /** Returns the start of a duration that listeners receive. */
    long begin() {
        return hasListeners() ? System.nanoTime() : 0;
    }

    private long since(long begun) {
        return hasListeners() ? System.nanoTime() - begun : 0;
    }

    void count(Policy policy, PermitRequest.Origin origin, long permits, Decision decision) {
        DecisionCounts counting = counts;
        if (counting != null) {
            counting.count(policy, origin, permits, decision);
        }
    }

    void countBlock(PermitRequest request, Decision denial) {
        DecisionCounts counting = counts;
        if (counting != null) {
            counting.countBlock(request, denial);
        }
    }

    void countRefund(PermitRequest request, Decision decision, long permits) {
        DecisionCounts counting = counts;
        if (counting != null && permits > 0) {
            counting.countRefund(request, decision, permits);
        }
    }

    /** Counts the rest of an estimate, which is negative if the real cost exceeds it. */
    void countSettlement(PermitRequest request, Decision decision, long rest) {
        DecisionCounts counting = counts;
        if (counting != null) {
            counting.countSettlement(request, decision, rest);
        }
    }

    void decided(PermitRequest request, Decision decision, long begun) {
        count(request.policy(), request.origin(), request.permits(), decision);
        if (hasListeners()) {
            dispatch(request, decision, since(begun));
        }
    }

    void decided(List<PermitRequest> requests, List<Decision> list, long begun) {
        if (isEmpty()) {
            return;
        }
        Decisions decisions = new Decisions(requests, list);
        DecisionCounts counting = counts;
        if (counting != null) {
            counting.count(decisions);
        }
        if (hasListeners()) {
            dispatchDecisive(decisions, since(begun));
        }
    }

    /** Dispatches the decisions that settled the answer: all if all were allowed, otherwise the denials. */
    private void dispatchDecisive(Decisions decisions, long nanos) {
        forEachDecisive(decisions, (request, decision) -> dispatch(request, decision, nanos));
    }

    private static void forEachDecisive(Decisions decisions, BiConsumer<PermitRequest, Decision> action) {
        boolean allowed = decisions.allowed();
        for (int i = 0; i < decisions.list().size(); i++) {
            Decision decision = decisions.list().get(i);
            if (allowed || decision instanceof Decision.Denied) {
                action.accept(decisions.requests().get(i), decision);
            }
        }
    }

    private void dispatch(PermitRequest request, Decision decision, long nanos) {
        RateLimitEvent event = new RateLimitEvent(request, decision, nanos);
        dispatch(decision.allowed() ? listener -> listener.onAllow(event) : listener -> listener.onBlock(event));
    }

    /** Counts and dispatches decisions of policies in shadow mode. */
    void shadowed(Decisions decisions, long begun) {
        if (isEmpty()) {
            return;
        }
        DecisionCounts counting = counts;
        if (counting != null) {
            counting.count(decisions);
        }
        forEachDecisive(decisions, (request, decision) -> {
            RateLimitEvent event = new RateLimitEvent(request, decision, since(begun));
            dispatch(listener -> listener.onShadow(event));
        });
    }

    /** Counts and dispatches the decisions on a request by its policy and by the candidate of its policy. */
    void compared(PermitRequest request, Decision decision, PermitRequest tried, Decision candidate, long begun) {
        DecisionCounts counting = counts;
        if (counting != null) {
            counting.countCandidate(request, decision, candidate.allowed());
        }
        if (hasListeners()) {
            RateLimitEvent enforced = new RateLimitEvent(request, decision, since(begun));
            RateLimitEvent event = new RateLimitEvent(tried, candidate, since(begun));
            dispatch(listener -> listener.onCandidate(enforced, event));
        }
    }

    /** Dispatches the failure of an answer: each policy once, with the key of its first request. */
    void failed(List<PermitRequest> requests, Throwable failure, long begun) {
        if (hasListeners()) {
            StoreFailure.of(requests, Futures.unwrap(failure), since(begun)).forEach(this::failed);
        }
    }

    void failed(StoreFailure failure) {
        if (hasListeners()) {
            dispatch(listener -> listener.onError(failure));
        }
    }

    private void dispatch(Consumer<RateLimitListener> event) {
        notify(inline, event);
        if (!queued.isEmpty()) {
            thread.execute(() -> notify(queued, event));
        }
    }

    private void notify(List<RateLimitListener> listeners, Consumer<RateLimitListener> event) {
        for (RateLimitListener listener : listeners) {
            try {
                event.accept(listener);
            } catch (Exception | LinkageError | AssertionError e) {
                failures.increment();
                if (failed.add(listener)) {
                    LOG.warn(
                            "The rate limit listener {} failed. Decisions are not affected. Further failures of it are "
                                    + "counted and not logged.",
                            listener.getClass().getName(),
                            e);
                }
            }
        }
    }
}
