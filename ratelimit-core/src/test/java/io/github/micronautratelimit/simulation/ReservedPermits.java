package io.github.micronautratelimit.simulation;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decision.Source;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.Reservation.Outcome;
import io.github.micronautratelimit.Reservation.Receipt;
import io.github.micronautratelimit.internal.Futures;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;

/** Reservations that are settled with another cost, again and again until the store confirms it. */
final class ReservedPermits {

    /** Longer than a run, so that none expires. */
    private static final long TIME_TO_LIVE_MICROS = 60_000_000;

    private static final long REPETITION = Duration.ofMillis(150).toNanos();
    private static final int LONGEST_USE_MILLIS = 1_500;
    private static final int MOST_RESERVED = 6;

    private final Simulation simulation;
    private final Policy policy;
    private final String key;
    private final List<Reserved> all = new ArrayList<>();

    /** A reservation that the store has granted. */
    private static final class Reserved {

        private final Receipt receipt;
        private final long actual;
        private boolean tried;
        private boolean settled;

        Reserved(Receipt receipt, long actual) {
            this.receipt = receipt;
            this.actual = actual;
        }

        long least() {
            return settled ? actual : tried ? Math.min(actual, receipt.permits()) : receipt.permits();
        }

        long most() {
            return settled ? actual : tried ? Math.max(actual, receipt.permits()) : receipt.permits();
        }
    }

    ReservedPermits(Simulation simulation, Random random) {
        this.simulation = simulation;
        this.policy = Policy.of("RESERVED", random.nextBoolean() ? "1000/day fixed" : "1000/day sliding")
                .withOnError(random.nextInt(3) == 0 ? OnError.CLOSED : OnError.LOCAL);
        this.key = "reserved-" + simulation.scenario().seed();
    }

    /** Reserves permits, and settles them after a time. */
    void reserve(Instance instance, long seed) {
        long estimate = 1 + Math.floorMod(seed, MOST_RESERVED);
        long actual = Math.floorMod(seed >> 8, MOST_RESERVED + 2);
        long nanos =
                Duration.ofMillis(Math.floorMod(seed >> 16, LONGEST_USE_MILLIS)).toNanos();
        UUID id = new UUID(seed, simulation.scheduler().nanoTime());
        PermitRequest request = new PermitRequest(policy, key, estimate);
        Boundary.Call call = instance.boundary().beginRequest(List.of(request));
        var answer = Futures.call(() -> instance.front().reserve(policy, key, id, estimate, TIME_TO_LIVE_MICROS));
        instance.boundary().endRequest();
        answer.whenComplete((decision, failure) -> {
            if (instance.isDead()) {
                return;
            }
            simulation.ledger().check("no decision fails", failure == null, () -> "a reservation: " + failure);
            if (decision.source() == Source.FALLBACK) {
                if (decision.allowed() && call.isUncharged() && policy.onError() == OnError.LOCAL) {
                    instance.boundary().charges(policy).grant(estimate);
                }
            } else if (decision instanceof Decision.Allowed allowed) {
                long chargedAt = allowed.chargedAtMicros();
                Reserved reserved =
                        new Reserved(new Receipt(id, estimate, chargedAt, chargedAt + TIME_TO_LIVE_MICROS), actual);
                all.add(reserved);
                simulation.scheduler().after(nanos, () -> settle(instance, reserved));
            }
        });
    }

    private void settle(Instance instance, Reserved reserved) {
        if (instance.isDead()) {
            return;
        }
        boolean repeated = reserved.tried;
        reserved.tried = true;
        Futures.call(() -> instance.front().settle(policy, key, reserved.receipt, reserved.actual))
                .whenComplete((settlement, failure) -> {
                    if (failure != null) {
                        simulation.scheduler().after(REPETITION, () -> settle(instance, reserved));
                        return;
                    }
                    reserved.settled = true;
                    simulation
                            .ledger()
                            .check(
                                    "an open reservation can be settled",
                                    repeated || settlement.outcome() == Outcome.SETTLED || losses() > 0,
                                    () -> settlement.outcome().toString());
                });
    }

    private int losses() {
        return simulation.scenario().losses(simulation.store().part(key));
    }

    /** Checks that the store has charged the real costs, or the estimates where it does not know them. */
    void checkCharges() {
        long least = 0;
        long most = 0;
        for (Reserved reserved : all) {
            least += reserved.least();
            most += reserved.most();
        }
        for (Instance instance : simulation.instances()) {
            Boundary.Charges charges = instance.boundary().charges(policy);
            least += charges.charged();
            most += charges.charged() + charges.unknown() + instance.boundary().unknown(policy);
        }
        double spent = simulation.store().spent(policy, key);
        // A charge of fallback permits may be delivered twice, other than a reservation.
        long again = simulation.ledger().of(policy).executedAgain();
        String range = least + " to " + (most + again);
        simulation
                .ledger()
                .check(
                        "a reservation is charged and settled once",
                        losses() > 0 || least <= spent && spent <= most + again,
                        () -> spent + " of " + range);
    }
}
