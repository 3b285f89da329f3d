package io.github.micronautratelimit;

import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells listeners in order. What one of them throws is logged, the first time, and the next one is told. */
final class Listeners {

    private static final Logger LOG = LoggerFactory.getLogger(RateLimitListener.class);

    private final List<RateLimitListener> listeners;
    private final Set<RateLimitListener> failed = ConcurrentHashMap.newKeySet();

    Listeners(List<? extends RateLimitListener> listeners) {
        this.listeners = List.copyOf(listeners);
    }

    boolean isEmpty() {
        return listeners.isEmpty();
    }

    void decided(Ask ask, Decision decision) {
        RateLimitEvent event = new RateLimitEvent(ask.policy(), ask.key(), ask.permits(), decision);
        each(decision.allowed() ? listener -> listener.onAllow(event) : listener -> listener.onBlock(event));
    }

    /** Of several decisions, those that settled it: all if all were granted, else the denials. */
    void decided(Decisions decisions) {
        boolean allowed = decisions.allowed();
        for (int i = 0; i < decisions.each().size(); i++) {
            if (decisions.each().get(i).allowed() == allowed) {
                decided(decisions.asks().get(i), decisions.each().get(i));
            }
        }
    }

    void failed(Policy policy, Throwable failure) {
        Throwable cause = unwrapped(failure);
        each(listener -> listener.onError(policy, cause));
    }

    private void each(Consumer<RateLimitListener> told) {
        for (RateLimitListener listener : listeners) {
            try {
                told.accept(listener);
            } catch (Exception | LinkageError | AssertionError e) {
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
