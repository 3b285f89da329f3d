package io.github.micronautratelimit.simulation;

import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.simulation.Ledger.Account;
import io.github.micronautratelimit.simulation.Ledger.Entry;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Supplier;

/** Checks the bounds of the guide at the end of a run, and that nothing is left of the faults. */
final class FinalChecks {

    /** Fractions of permits are sums of doubles, and read from times of whole microseconds. */
    private static final double ROUNDING = 0.01;

    private final Simulation simulation;
    private final Scenario scenario;
    private final Ledger ledger;

    FinalChecks(Simulation simulation) {
        this.simulation = simulation;
        this.scenario = simulation.scenario();
        this.ledger = simulation.ledger();
    }

    void run() {
        checkRecovered();
        simulation.slots().checkFree();
        simulation.pairs().checkCharges();
        simulation.reserved().checkCharges();
        for (Subject subject : simulation.subjects()) {
            checkAnswers(subject);
            switch (subject.role()) {
                case SLOW -> {
                    checkCharges(subject);
                    checkSettled(subject);
                }
                case FAST, STEADY -> checkLocalBound(subject);
                case UNCOUNTED -> checkStoreBound(subject);
                case PREFETCHED -> checkPrefetched(subject);
            }
        }
    }

    private void checkRecovered() {
        for (Instance instance : simulation.instances()) {
            if (!instance.isDead()) {
                ledger.check("no outage is left", !instance.guard().inOutage(), () -> "inOutage()");
                ledger.check("all breakers are closed", instance.guard().isCallingStore(), () -> "isCallingStore()");
                ledger.check("no charge is left", instance.guard().isSettled(), () -> "isSettled()");
                ledger.check(
                        "every request is decided", instance.undecided() == 0, () -> instance.undecided() + " are not");
            }
        }
        VirtualScheduler scheduler = simulation.scheduler();
        ledger.check("no thread is left", scheduler.threads() == 0, () -> scheduler.threads() + " threads");
        ledger.check("no task is left", scheduler.pendingTasks() == 0, () -> scheduler.pendingTasks() + " tasks");
    }

    /** Permits that the store is said to have charged are charged, and no more than that. */
    private void checkAnswers(Subject subject) {
        Policy policy = subject.policy();
        Account account = ledger.of(policy);
        long charged = 0;
        long unknown = account.executedAgain();
        for (Instance instance : simulation.instances()) {
            charged += instance.boundary().charges(policy).charged();
            unknown += instance.boundary().charges(policy).unknown();
            unknown += instance.boundary().unknown(policy);
        }
        if (policy.maxPrefetch() == 0) {
            long least = account.grantedByStore() + charged;
            long most = least + unknown;
            ledger.check(
                    "the store has charged the permits that it granted",
                    least <= account.executed() && account.executed() <= most,
                    () -> policy.name() + ": " + account.executed() + " of " + least + " to " + most);
        }
    }

    /** Each permit of a fallback is charged once, unless it was given back or the store has no room for it. */
    private void checkCharges(Subject subject) {
        for (Instance instance : simulation.instances()) {
            Boundary.Charges charges = instance.boundary().charges(subject.policy());
            long most = charges.charged() + charges.unknown();
            Supplier<String> detail =
                    () -> most + " of " + charges.granted() + " charged, refunds of " + charges.refunds();
            ledger.check("every permit is charged at most once", most <= charges.granted(), detail);
            ledger.check(
                    "every permit is charged",
                    instance.isDead() || charges.isDenied() || most >= charges.granted() - charges.refunds(),
                    detail);
        }
    }

    /** Store and fallbacks grant their limits, and nothing is given back twice. */
    private void checkSettled(Subject subject) {
        Account account = ledger.of(subject.policy());
        int losses = losses(subject);
        double spent = account.executed() - account.executedRefunds();
        long capacity = subject.policy().capacity();
        ledger.check(
                "the store grants the limit",
                spent <= capacity * (1 + losses) + ROUNDING,
                () -> spent + " of " + capacity + ", " + losses + " losses");
        long fallbacks = sum(account.fallbacks());
        long share = share(subject) * starts() + account.refunds();
        ledger.check("fallbacks grant their shares", fallbacks <= share, () -> fallbacks + " of " + share);

        checkRefunds(account, subject);
    }

    /** A refund is executed by the store or taken off the later charges, and not both. */
    private void checkRefunds(Account account, Subject subject) {
        double refunded = account.executedRefunds();
        for (Instance instance : simulation.instances()) {
            Boundary.Charges charges = instance.boundary().charges(subject.policy());
            if (!instance.isDead() && !charges.isDenied()) {
                refunded += Math.max(0, charges.granted() - charges.charged() - charges.unknown());
            }
        }
        double most = refunded;
        ledger.check(
                "nothing is given back twice",
                losses(subject) > 0 || most <= account.refunds() + ROUNDING,
                () -> most + " of " + account.refunds() + " permits");
    }

    /** Store and instances together: the limit of the store, and the shares of all instances. */
    private void checkLocalBound(Subject subject) {
        Account account = ledger.of(subject.policy());
        List<Entry> grants = new ArrayList<>(account.executions());
        grants.addAll(account.fallbacks());
        grants.sort(Comparator.comparingLong(Entry::micros));
        Limit limit = subject.limit();
        // An instance whose clock differs may be in two of its windows during one of the store.
        int windows = limit instanceof FixedWindow && simulation.hasClockOffsets() ? 2 : 1;
        // A clock that steps ahead refills the counters of its instance once more.
        long shares = windows * starts() + scenario.clockSteps();
        long most = limit.capacity() * (1 + losses(subject)) + shares * share(subject);
        long granted = Bound.most(limit, 2, grants);
        ledger.check(
                "store and fallbacks stay within their bound",
                granted <= most,
                () -> subject.policy().name() + ": " + granted + " of " + most);
    }

    private void checkStoreBound(Subject subject) {
        Account account = ledger.of(subject.policy());
        long most = subject.limit().capacity() * (1 + losses(subject));
        long granted = Bound.most(subject.limit(), 1, account.executions());
        ledger.check("the store grants the limit", granted <= most, () -> granted + " of " + most);
        ledger.check(
                "closed grants nothing without the store",
                subject.policy().onError() != OnError.CLOSED
                        || account.fallbacks().isEmpty(),
                () -> account.fallbacks().toString());
    }

    private void checkPrefetched(Subject subject) {
        Account account = ledger.of(subject.policy());
        if (losses(subject) == 0) {
            long granted = sum(account.grants());
            double spent = account.executed() - account.executedRefunds();
            ledger.check(
                    "every prefetched permit is charged", granted <= spent + ROUNDING, () -> granted + " of " + spent);
        }
    }

    private static long sum(List<Entry> entries) {
        return entries.stream().mapToLong(Entry::permits).sum();
    }

    private long share(Subject subject) {
        return subject.share(scenario.instances());
    }

    private int losses(Subject subject) {
        return scenario.losses(simulation.store().part(subject.key()));
    }

    private long starts() {
        return scenario.instances() + scenario.restarts();
    }
}
