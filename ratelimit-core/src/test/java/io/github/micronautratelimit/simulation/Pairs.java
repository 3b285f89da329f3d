package io.github.micronautratelimit.simulation;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decision.Source;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.simulation.Ledger.Account;
import java.util.List;
import java.util.Random;

/**
 * Requests under two policies, whose keys may be on different parts of the store: one of them hardly refills, so each
 * permit can be followed, and the other one denies most requests.
 */
final class Pairs {

    /** Fractions of permits are sums of doubles. */
    private static final double ROUNDING = 0.01;

    private final Simulation simulation;
    private final List<Policy> policies;
    private final List<String> keys;

    Pairs(Simulation simulation, Random random) {
        this.simulation = simulation;
        OnError onError = random.nextInt(3) == 0 ? OnError.CLOSED : OnError.LOCAL;
        List<Policy> both = List.of(
                Policy.of("PAIR-KEPT", random.nextBoolean() ? "1000/day fixed" : "1000/day sliding")
                        .withOnError(onError),
                Policy.of("PAIR-DENYING", random.nextBoolean() ? "2/s" : "4/2s fixed")
                        .withOnError(onError));
        this.policies = random.nextBoolean() ? both : List.of(both.get(1), both.get(0));
        long seed = simulation.scenario().seed();
        this.keys = List.of("first-" + seed, "second-" + seed);
    }

    /** Requests permits under both policies. */
    void request(Instance instance, long seed) {
        List<PermitRequest> requests = List.of(
                new PermitRequest(policies.get(0), keys.get(0), 1),
                new PermitRequest(policies.get(1), keys.get(1), 1 + Math.floorMod(seed, 2)));
        Boundary.Call call = instance.boundary().beginRequest(requests);
        var decisions = Futures.call(() -> instance.front().acquireAll(requests));
        instance.boundary().endRequest();
        decisions.whenComplete((list, failure) -> {
            if (!instance.isDead()) {
                simulation.ledger().check("no decision fails", failure == null, () -> "a pair: " + failure);
                decided(instance, requests, call, list);
            }
        });
    }

    private void decided(Instance instance, List<PermitRequest> requests, Boundary.Call call, List<Decision> list) {
        if (!list.stream().allMatch(Decision::allowed)) {
            return;
        }
        boolean fallback = list.get(0).source() == Source.FALLBACK;
        for (PermitRequest request : requests) {
            long now = simulation.store().micros();
            simulation.ledger().of(request.policy()).granted(now, request.permits(), fallback);
            if (fallback && call.isUncharged() && request.policy().onError() == OnError.LOCAL) {
                instance.boundary().charges(request.policy()).grant(request.permits());
            }
        }
    }

    /** Checks that granted pairs are charged, and denied ones are not. */
    void checkCharges() {
        int index = policies.get(0).name().equals("PAIR-KEPT") ? 0 : 1;
        Policy kept = policies.get(index);
        Account account = simulation.ledger().of(kept);
        long granted = account.grantedByStore();
        double unknown = account.executedAgain() + account.lostRefunds();
        for (Instance instance : simulation.instances()) {
            Boundary.Charges charges = instance.boundary().charges(kept);
            granted += charges.charged();
            unknown += charges.unknown() + instance.boundary().unknown(kept);
            long charged = charges.charged() + charges.unknown();
            simulation
                    .ledger()
                    .check(
                            "every permit is charged at most once",
                            charged <= charges.granted(),
                            () -> "pairs: " + charged + " of " + charges.granted());
        }
        if (simulation.scenario().losses(simulation.store().part(keys.get(index))) > 0) {
            return;
        }
        double spent = account.executed() - account.executedRefunds();
        double least = granted - ROUNDING;
        double most = granted + unknown + ROUNDING;
        simulation
                .ledger()
                .check(
                        "a denied pair costs nothing",
                        least <= spent && spent <= most,
                        () -> spent + " of " + least + " to " + most);
    }
}
