package io.github.micronautratelimit.simulation;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decision.Source;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.simulation.Ledger.Account;
import java.time.Duration;
import java.util.List;

/** Operators of all instances block a key for a time and lift blocks. Its requests are within the limit. */
final class Blocks {

    private static final int LONGEST_BLOCK_MILLIS = 1_500;
    private static final int LIFTS = 4;
    /** All blocks of operators have ended by then, and the denials that instances know from the store. */
    private static final long ENDED = Simulation.RECOVERED + 500;

    private final Simulation simulation;
    private final Policy policy = Policy.of("BLOCKED", "50/s").withOnError(OnError.CLOSED);
    private final String key;

    Blocks(Simulation simulation) {
        this.simulation = simulation;
        this.key = "blocked-" + simulation.scenario().seed();
    }

    /** Returns the part of the store that keeps the block. */
    int part() {
        return simulation.store().part(key);
    }

    private Account account() {
        return simulation.ledger().of(policy);
    }

    /** The store has lost data, perhaps a block. */
    void forget() {
        account().reset(simulation.store().micros());
    }

    /** Blocks the key, or lifts a block. */
    void operate(Instance instance, long seed) {
        if (simulation.millis() >= Scenario.FAULTS_END) {
            return;
        }
        if (Math.floorMod(seed, LIFTS) == 0) {
            instance.front().reset(policy, key);
            return;
        }
        // No two blocks of a run are alike.
        long micros = Duration.ofMillis(1 + Math.floorMod(seed >> 8, LONGEST_BLOCK_MILLIS))
                        .toNanos()
                / 1_000;
        long length = micros + Math.floorMod(seed >> 32, 1_000);
        Futures.call(() -> instance.front().block(policy, key, length)).whenComplete((done, failure) -> simulation
                .ledger()
                .check(
                        "a confirmed block is in the store",
                        failure != null || account().hasExecutedBlock(length),
                        () -> "at " + simulation.millis() + " ms"));
    }

    /** Requests one permit. */
    void request(Instance instance) {
        long begun = simulation.store().micros();
        boolean blocked = account().isBlocked(begun);
        boolean ended = simulation.millis() >= ENDED;
        instance.boundary().beginRequest(List.of(new PermitRequest(policy, key, 1)));
        var answer = Futures.call(() -> instance.front().acquire(policy, key, 1));
        instance.boundary().endRequest();
        answer.whenComplete((decision, failure) -> {
            if (!instance.isDead()) {
                boolean still =
                        blocked && account().isBlocked(simulation.store().micros());
                decided(decision, still, ended);
            }
        });
    }

    private void decided(Decision decision, boolean blocked, boolean ended) {
        Ledger ledger = simulation.ledger();
        ledger.check(
                "no blocked request is granted",
                !blocked || !decision.allowed(),
                () -> "at " + simulation.millis() + " ms: " + decision);
        ledger.check(
                "blocks end",
                !ended || decision.allowed() && decision.source() == Source.STORE,
                () -> "at " + simulation.millis() + " ms: " + decision);
    }
}
