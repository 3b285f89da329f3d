package io.github.micronautratelimit.simulation;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decision.Source;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.guard.Guard;
import io.github.micronautratelimit.guard.VirtualGuard;
import io.github.micronautratelimit.hotkey.DenyCache;
import io.github.micronautratelimit.hotkey.VirtualLayers;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.simulation.Subject.Role;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** One instance of an application, from its start to its end: the layers of a limiter, as the builder stacks them. */
final class Instance {

    private static final Duration DENY_CACHE = Duration.ofSeconds(1);
    private static final long DENY_CACHE_MICROS = 1_000_000;
    /** A background thread never sleeps less, so a deadline may be noticed that much later. */
    private static final long SHORTEST_SLEEP = Duration.ofMillis(1).toNanos();

    private final Simulation simulation;
    private final VirtualScheduler.Process process;
    private final Boundary boundary;
    private final Guard guard;
    private final RateLimitBackend front;
    /** The slots that this instance has requested and not surely released. */
    private final Map<UUID, Boolean> slots = new HashMap<>();

    private int undecided;

    Instance(Simulation simulation, int number, int start) {
        Scenario scenario = simulation.scenario();
        this.simulation = simulation;
        this.process = simulation.scheduler().new Process();
        MicroClock clock = () -> simulation.store().micros() + simulation.clockOffset(number);
        Connection connection =
                new Connection(simulation, process, number, scenario.seed() * 31 + number * 1_000L + start);
        RateLimitBackend store = scenario.coalesces() ? coalescer(connection, scenario.seed()) : connection;
        this.boundary = new Boundary(store, simulation.ledger(), this::isCallingStore);
        Mutant mutant = simulation.mutant();
        this.guard = VirtualGuard.of(
                mutant.below(boundary), Simulation.DEADLINE, scenario.instances(), clock, mutant.threads(process));
        this.front = new DenyCache(
                mutant.above(VirtualLayers.prefetching(guard, clock, process), boundary), clock, DENY_CACHE);
    }

    private RateLimitBackend coalescer(Connection connection, long seed) {
        return VirtualLayers.coalescer(
                connection,
                Simulation.DEADLINE,
                process,
                nanos -> task -> simulation.scheduler().after(nanos, () -> {
                    if (!process.isDead()) {
                        task.run();
                    }
                }),
                new SplittableRandom(seed));
    }

    private boolean isCallingStore(Policy policy, String key) {
        return guard.isCallingStore(policy, key);
    }

    Guard guard() {
        return guard;
    }

    /** Returns the layers that requests go through. */
    RateLimitBackend front() {
        return front;
    }

    Boundary boundary() {
        return boundary;
    }

    Map<UUID, Boolean> slots() {
        return slots;
    }

    boolean isDead() {
        return process.isDead();
    }

    int undecided() {
        return undecided;
    }

    /** Ends the instance, with a farewell or without. */
    void end(boolean closes) {
        if (closes) {
            front.close();
        }
        process.kill();
    }

    /**
     * Makes a request.
     *
     * @param refundAfter the nanoseconds after which granted permits are given back; negative to keep them
     */
    void request(Subject subject, long permits, long refundAfter) {
        long begun = process.nanoTime();
        Boundary.Call call =
                boundary.beginRequest(List.of(new PermitRequest(subject.policy(), subject.key(), permits)));
        CompletionStage<Decision> decision =
                Futures.call(() -> front.acquire(subject.policy(), subject.key(), permits));
        boundary.endRequest();
        undecided++;
        decision.whenComplete((made, failure) -> {
            if (!process.isDead()) {
                undecided--;
                decided(subject, permits, call, begun, made, failure);
                if (failure == null && made.allowed() && refundAfter >= 0) {
                    simulation.scheduler().after(refundAfter, () -> refund(subject, permits, made));
                }
            }
        });
    }

    private void decided(
            Subject subject,
            long permits,
            Boundary.Call call,
            long begun,
            Decision decision,
            @Nullable Throwable failure) {
        Ledger ledger = simulation.ledger();
        ledger.check("no decision fails", failure == null, () -> subject.key() + ": " + failure);
        if (failure != null) {
            return;
        }
        long nanos = process.nanoTime() - begun;
        ledger.check(
                "every decision is in time",
                nanos <= Simulation.DEADLINE.toNanos() + SHORTEST_SLEEP,
                () -> subject.key() + ": " + nanos + " ns");
        checkSource(subject, permits, begun, decision);
        ledger.check(
                "requests within the share of each instance are granted",
                subject.role() != Role.STEADY || decision.allowed(),
                () -> "at " + simulation.millis() + " ms: " + decision);
        if (decision.allowed()) {
            boolean fallback = decision.source() == Source.FALLBACK;
            ledger.of(subject.policy()).granted(simulation.store().micros(), permits, fallback);
            if (fallback && call.isUncharged() && subject.policy().onError() == OnError.LOCAL) {
                boundary.charges(subject.policy()).grant(permits);
            }
        }
    }

    private void checkSource(Subject subject, long permits, long begun, Decision decision) {
        Ledger ledger = simulation.ledger();
        int part = simulation.store().part(subject.key());
        boolean fallback = decision.source() == Source.FALLBACK;
        Supplier<String> detail = () -> subject.key() + " at " + simulation.millis() + " ms: " + decision;
        ledger.check(
                "a key without faults is decided by the store", !fallback || !simulation.isWell(subject.key()), detail);
        ledger.check(
                "the store decides after the last fault",
                !fallback || begun < simulation.nanos(Simulation.RECOVERED),
                detail);
        if (decision.source() == Source.DENY_CACHE) {
            long since = simulation.store().micros() - DENY_CACHE_MICROS;
            boolean knowable = ledger.of(subject.policy()).lastRefundMicros() < since && !ledger.hasLost(part, since);
            ledger.check(
                    "the deny cache denies nothing that the store would grant",
                    !knowable
                            || !simulation
                                    .store()
                                    .peek(subject.policy(), subject.key(), permits)
                                    .allowed(),
                    detail);
        }
    }

    private void refund(Subject subject, long permits, Decision decision) {
        if (process.isDead()) {
            return;
        }
        simulation.ledger().of(subject.policy()).refunds(permits);
        boundary.charges(subject.policy()).refund(permits);
        long chargedAt = ((Decision.Allowed) decision).chargedAtMicros();
        if (decision.source() == Source.FALLBACK) {
            front.refundFallback(subject.policy(), subject.key(), permits, chargedAt);
        } else {
            front.refund(subject.policy(), subject.key(), permits, chargedAt);
        }
    }
}
