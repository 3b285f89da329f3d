package io.github.micronautratelimit;

import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells listeners in order: those that are inline at once, the others on a thread that is there while there is something to
 * tell. What one of them throws is logged, the first time, and the next one is told.
 */
final class Listeners {

    private static final Logger LOG = LoggerFactory.getLogger(RateLimitListener.class);

    private final List<RateLimitListener> all;
    private final List<RateLimitListener> inline;
    private final List<RateLimitListener> others;
    private final Set<RateLimitListener> failed = ConcurrentHashMap.newKeySet();
    private final LongAdder failures = new LongAdder();
    private final LongAdder dropped = new LongAdder();
    private final ThreadPoolExecutor teller;

    Listeners(List<? extends RateLimitListener> listeners) {
        this.all = List.copyOf(listeners);
        this.inline = all.stream().filter(RateLimitListener::isInline).toList();
        this.others = all.stream().filter(listener -> !listener.isInline()).toList();
        this.teller = new ThreadPoolExecutor(1, 1, 1, TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(RateLimitListener.QUEUE), task -> {
                    Thread thread = new Thread(task, "ratelimit-listeners");
                    thread.setDaemon(true);
                    return thread;
                }, (event, full) -> dropped.increment());
        teller.allowCoreThreadTimeOut(true);
    }

    boolean isEmpty() {
        return all.isEmpty();
    }

    boolean are(List<? extends RateLimitListener> listeners) {
        return all.equals(listeners);
    }

    /** How often one of them threw something. */
    long failures() {
        return failures.sum();
    }

    /** The events that some were not told of. */
    long dropped() {
        return dropped.sum();
    }

    void decided(Ask ask, Decision decision, long nanos) {
        RateLimitEvent event = new RateLimitEvent(ask, decision, nanos);
        tell(decision.allowed() ? listener -> listener.onAllow(event) : listener -> listener.onBlock(event));
    }

    /** Of several decisions, those that settled it: all if all were granted, else the denials. */
    void decided(Decisions decisions, long nanos) {
        boolean allowed = decisions.allowed();
        for (int i = 0; i < decisions.each().size(); i++) {
            if (decisions.each().get(i).allowed() == allowed) {
                decided(decisions.asks().get(i), decisions.each().get(i), nanos);
            }
        }
    }

    void failed(Policy policy, String key, Throwable failure, long nanos) {
        if (isEmpty()) {
            return;
        }
        RateLimitFailure told = new RateLimitFailure(policy, key, unwrapped(failure), nanos);
        tell(listener -> listener.onError(told));
    }

    /** Each policy once, with the key it is first asked for. */
    void failed(List<Ask> asks, Throwable failure, long nanos) {
        for (int i = 0; i < asks.size(); i++) {
            Policy policy = asks.get(i).policy();
            if (asks.subList(0, i).stream().noneMatch(ask -> ask.policy().equals(policy))) {
                failed(policy, asks.get(i).key(), failure, nanos);
            }
        }
    }

    private void tell(Consumer<RateLimitListener> event) {
        each(inline, event);
        if (!others.isEmpty()) {
            teller.execute(() -> each(others, event));
        }
    }

    private void each(List<RateLimitListener> listeners, Consumer<RateLimitListener> event) {
        for (RateLimitListener listener : listeners) {
            try {
                event.accept(listener);
            } catch (Exception | LinkageError | AssertionError e) {
                failures.increment();
                if (failed.add(listener)) {
                    LOG.warn("The rate limit listener {} failed; decisions stand, and further failures of it are not "
                            + "logged.", listener.getClass().getName(), e);
                }
            }
        }
    }

    /** What a stage failed with, without the wrapping that composition adds. */
    static Throwable unwrapped(Throwable failure) {
        return failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
    }
}
