package io.github.micronautratelimit.memory;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.LimitState;

/**
 * One request under several policies: looks at every key, and if all admit, charges them in one {@link Swap}; if any
 * key has changed meanwhile, looks again. A request that one key denies has touched no other.
 */
final class AllOrNothing {

    private final Keyspace keys;
    private final List<Ask> asks;
    private final long now;

    AllOrNothing(Keyspace keys, List<Ask> asks, long now) {
        this.keys = keys;
        this.asks = asks;
        this.now = now;
    }

    List<Decision> acquire() {
        List<Step> steps = look(false);
        if (admitted(steps)) {
            steps = look(true);
        }
        while (admitted(steps)) {
            if (new Swap(changes(steps)).finish()) {
                return steps.stream().<Decision>map(step -> step.after.grant(now)).toList();
            }
            for (Step step : steps) {
                if (step.cell != null && step.cell.isRetired()) {
                    keys.discard(step.ask.policy().name(), step.ask.key(), step.cell);
                }
            }
            steps = look(true);
        }
        return steps.stream().map(this::verdict).toList();
    }

    /** What one ask finds: its cell, what that held, and the state before and after the ask's permits. */
    private record Step(Ask ask, @Nullable Cell cell, @Nullable LimitState stored, LimitState before,
                        LimitState after) {

        boolean admitted() {
            return before.admits(ask.permits());
        }
    }

    private static boolean admitted(List<Step> steps) {
        return steps.stream().allMatch(Step::admitted);
    }

    private Decision verdict(Step step) {
        return step.admitted() ? step.before.grant(now) : step.before.denial(step.ask.permits(), now);
    }

    /** Looks at every key. Makes missing cells and freezes meters only to charge: a denial leaves nothing behind. */
    private List<Step> look(boolean toCharge) {
        List<Step> steps = new ArrayList<>(asks.size());
        for (Ask ask : asks) {
            Cell cell = keys.find(ask.policy().name(), ask.key());
            if (cell == null && toCharge && ask.permits() > 0) {
                cell = keys.require(ask.policy().name(), ask.key(), null, now);
            }
            if (cell != null && toCharge) {
                cell.freeze();
            }
            Step sameCell = lastOn(cell, steps);
            LimitState stored = sameCell != null ? sameCell.stored : cell != null ? cell.state() : null;
            LimitState before = ask.policy().stateAt(sameCell != null ? sameCell.after : stored, now);
            boolean charged = ask.permits() > 0 && before.admits(ask.permits());
            steps.add(new Step(ask, cell, stored, before, charged ? before.charge(ask.permits()) : before));
        }
        return steps;
    }

    /** The latest step on a cell: keys may share one, and an ask may be made twice. */
    private static @Nullable Step lastOn(@Nullable Cell cell, List<Step> steps) {
        for (int i = steps.size() - 1; i >= 0 && cell != null; i--) {
            if (steps.get(i).cell == cell) {
                return steps.get(i);
            }
        }
        return null;
    }

    private static List<Swap.Change> changes(List<Step> steps) {
        List<Swap.Change> changes = new ArrayList<>(steps.size());
        for (Step step : steps) {
            if (step.cell != null && step.ask.permits() > 0) {
                changes.removeIf(earlier -> earlier.cell() == step.cell);
                changes.add(new Swap.Change(step.cell, step.stored, step.after));
            }
        }
        changes.sort(Comparator.comparingInt(change -> change.cell().rank()));
        return changes;
    }
}
