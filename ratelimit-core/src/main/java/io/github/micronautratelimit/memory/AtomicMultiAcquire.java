package io.github.micronautratelimit.memory;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.limit.LimitState;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Acquires several requests in one atomic step. It reads the cell of every key and, if all keys admit, charges them in
 * one {@link Swap}. If a key has changed in the meantime, it starts over. If one key denies, no key is changed.
 */
final class AtomicMultiAcquire {

    private final Keyspace keys;
    private final List<PermitRequest> requests;
    private final long now;

    AtomicMultiAcquire(Keyspace keys, List<PermitRequest> requests, long now) {
        this.keys = keys;
        this.requests = requests;
        this.now = now;
    }

    List<Decision> acquire() {
        List<Step> steps = read(false);
        if (admitted(steps)) {
            steps = read(true);
        }
        while (admitted(steps)) {
            if (new Swap(changes(steps)).finish()) {
                return steps.stream()
                        .<Decision>map(step -> Decision.allowed(step.after, now))
                        .toList();
            }
            for (Step step : steps) {
                if (step.cell != null && step.cell.isRetired()) {
                    keys.discard(step.request.policy().stateName(), step.request.key(), step.cell);
                }
            }
            steps = read(true);
        }
        return steps.stream().map(this::decision).toList();
    }

    /** A request with its cell, the content of the cell, and the state before and after the charge. */
    private record Step(
            PermitRequest request,
            @Nullable Cell cell,
            @Nullable LimitState stored,
            LimitState before,
            LimitState after) {

        boolean admitted() {
            return before.admits(request.permits());
        }
    }

    private static boolean admitted(List<Step> steps) {
        return steps.stream().allMatch(Step::admitted);
    }

    private Decision decision(Step step) {
        return Decision.peek(step.before, step.request.permits(), now);
    }

    /** Reads every key. Creates missing cells and freezes meters only to charge, so a denial leaves no cell behind. */
    private List<Step> read(boolean toCharge) {
        List<Step> steps = new ArrayList<>(requests.size());
        for (PermitRequest request : requests) {
            Cell cell = keys.find(request.policy().stateName(), request.key());
            if (cell == null && toCharge && request.permits() > 0) {
                cell = keys.require(request.policy().stateName(), request.key(), null, now);
            }
            if (cell != null && toCharge) {
                cell.freeze();
            }
            Step sameCell = lastOn(cell, steps);
            LimitState stored = sameCell != null ? sameCell.stored : cell != null ? cell.state() : null;
            LimitState before = LimitState.carryOver(
                    request.policy().rateLimits(), sameCell != null ? sameCell.after : stored, now);
            boolean charged = request.permits() > 0 && before.admits(request.permits());
            steps.add(new Step(request, cell, stored, before, charged ? before.charge(request.permits()) : before));
        }
        return steps;
    }

    /** Returns the latest step on a cell, because keys may share a cell and a key may occur twice. */
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
            if (step.cell != null && step.request.permits() > 0) {
                changes.removeIf(earlier -> earlier.cell() == step.cell);
                changes.add(new Swap.Change(step.cell, step.stored, step.after));
            }
        }
        changes.sort(Comparator.comparingInt(change -> change.cell().rank()));
        return changes;
    }
}
