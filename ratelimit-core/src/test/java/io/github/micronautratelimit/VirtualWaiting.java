package io.github.micronautratelimit;

import io.github.micronautratelimit.simulation.VirtualScheduler;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** A limiter whose callers wait in virtual time, and what becomes of them. Callbacks run on the thread of the test. */
final class VirtualWaiting {

    /** The beginning of a minute. */
    static final long EPOCH_MICROS = 1_789_999_980_000_000L;

    private static final int NANOS_PER_MICRO = 1_000;

    final VirtualScheduler scheduler = new VirtualScheduler();
    /** The decisions in their order, as text. */
    final List<String> decided = new ArrayList<>();

    private final long begin = scheduler.nanoTime();
    private long clockOffsetMicros;

    /** Returns the time since the beginning of the test. */
    long elapsedMicros() {
        return (scheduler.nanoTime() - begin) / NANOS_PER_MICRO;
    }

    /** Returns the time by the clock of the limits, which {@link #moveClock} moves on its own. */
    long micros() {
        return EPOCH_MICROS + elapsedMicros() + clockOffsetMicros;
    }

    /** Moves the clock of the limits, while the monotonic clock stays. */
    void moveClock(Duration by) {
        clockOffsetMicros += by.toNanos() / NANOS_PER_MICRO;
    }

    void passMillis(long millis) {
        passMicros(1_000 * millis);
    }

    void passMicros(long micros) {
        scheduler.runUntil(scheduler.nanoTime() + NANOS_PER_MICRO * micros);
    }

    RateLimiterBuilder builder(RateLimitBackend backend) {
        return RateLimiter.builder(backend).clock(this::micros).waitingOn(scheduler.new Process());
    }

    /** Records the decision on a caller with its time in milliseconds. */
    CompletableFuture<Decision> record(String caller, CompletionStage<Decision> stage) {
        stage.whenComplete((decision, failure) -> {
            if (failure == null) {
                decided.add(caller + (decision.allowed() ? " granted " : " denied ") + elapsedMicros() / 1_000);
            }
        });
        return stage.toCompletableFuture();
    }

    /** Returns the decisions since the last call. */
    List<String> decided() {
        List<String> all = List.copyOf(decided);
        decided.clear();
        return all;
    }
}
