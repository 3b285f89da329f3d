package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Searches for an order of concurrent calls in which an exact model gives every answer that was seen. Each call must
 * take effect between its invocation and its reply (linearizability; Herlihy and Wing, 1990), and the time of the store
 * must not go back. The search is that of Wing and Gong (1993), with every reached pair of progress and state visited
 * once (Lowe, 2017).
 */
final class Linearization {

    private final long begun;
    private final List<List<RecordedCall>> threads;
    private final List<List<Long>> latest = new ArrayList<>();
    private String stuck = "";

    /**
     * @param begun   an instant of the store before all calls, in microseconds since the epoch
     * @param threads the calls of each thread in order
     */
    Linearization(long begun, List<List<RecordedCall>> threads) {
        this.begun = begun;
        this.threads = threads;
        for (List<RecordedCall> calls : threads) {
            List<Long> times = new ArrayList<>(List.of(begun));
            for (RecordedCall call : calls) {
                times.add(Math.max(times.get(times.size() - 1), call.at()));
            }
            latest.add(times);
        }
    }

    /**
     * Returns the states in which the calls can have left the key.
     *
     * @param before the possible states before them
     * @return empty if no order explains the answers
     */
    Set<ExactModel> after(Set<ExactModel> before) {
        Map<List<Integer>, Set<ExactModel>> reached =
                Map.of(threads.stream().map(calls -> 0).toList(), before);
        int calls = threads.stream().mapToInt(List::size).sum();
        for (int done = 0; done < calls; done++) {
            Map<List<Integer>, Set<ExactModel>> further = step(reached);
            if (further.isEmpty()) {
                stuck = done + " calls are explained, by orders that end with one of "
                        + reached.entrySet().stream()
                                .map(order -> "\n" + order.getValue() + " before one of " + next(order.getKey()))
                                .toList();
                return Set.of();
            }
            reached = further;
        }
        return reached.values().iterator().next();
    }

    /** Returns how far the last search came if it found no order. */
    String stuck() {
        return stuck;
    }

    private List<RecordedCall> next(List<Integer> progress) {
        return IntStream.range(0, threads.size())
                .mapToObj(thread -> next(progress, thread))
                .filter(Objects::nonNull)
                .toList();
    }

    /** Adds one call to every order reached so far. */
    private Map<List<Integer>, Set<ExactModel>> step(Map<List<Integer>, Set<ExactModel>> reached) {
        Map<List<Integer>, Set<ExactModel>> further = new HashMap<>();
        reached.forEach((progress, states) -> {
            long now = latest(progress);
            long next = earliestToCome(progress, now);
            for (int thread = 0; thread < threads.size(); thread++) {
                RecordedCall call = next(progress, thread);
                if (call == null || mustWait(call, progress) || call.at() != RecordedCall.UNKNOWN && call.at() < now) {
                    continue;
                }
                Set<ExactModel> explained = explained(call, states, instants(call, now, next));
                if (!explained.isEmpty()) {
                    List<Integer> moved = new ArrayList<>(progress);
                    moved.set(thread, progress.get(thread) + 1);
                    further.computeIfAbsent(List.copyOf(moved), any -> new HashSet<>())
                            .addAll(explained);
                }
            }
        });
        return further;
    }

    private static Set<ExactModel> explained(RecordedCall call, Set<ExactModel> states, Set<Long> instants) {
        Set<ExactModel> explained = new HashSet<>();
        for (ExactModel state : states) {
            for (long now : instants) {
                ExactModel next = call.apply(state, now);
                if (next != null) {
                    explained.add(next);
                }
            }
        }
        return explained;
    }

    /**
     * Returns the instants at which a call may have taken effect. If its time is unknown, only the window of a fixed
     * window makes a difference: a refund goes to the window it falls into.
     */
    private static Set<Long> instants(RecordedCall call, long from, long to) {
        if (call.at() != RecordedCall.UNKNOWN) {
            return Set.of(call.at());
        }
        Set<Long> instants = new HashSet<>(List.of(from, to));
        for (Limit limit : call.limits()) {
            long border = limit instanceof FixedWindow window ? window.startOf(window.windowAt(from) + 1) : to;
            if (border < to) {
                instants.add(border);
            }
        }
        return instants;
    }

    /** Returns the earliest known instant of the calls that have not taken effect, or the present one without any. */
    private long earliestToCome(List<Integer> progress, long now) {
        long earliest = Long.MAX_VALUE;
        for (int thread = 0; thread < threads.size(); thread++) {
            for (RecordedCall call : threads.get(thread)
                    .subList(progress.get(thread), threads.get(thread).size())) {
                if (call.at() != RecordedCall.UNKNOWN) {
                    earliest = Math.min(earliest, call.at());
                    break;
                }
            }
        }
        return earliest == Long.MAX_VALUE ? now : earliest;
    }

    /** Returns the latest known instant of the calls that have taken effect. */
    private long latest(List<Integer> progress) {
        long now = begun;
        for (int thread = 0; thread < threads.size(); thread++) {
            now = Math.max(now, latest.get(thread).get(progress.get(thread)));
        }
        return now;
    }

    private @Nullable RecordedCall next(List<Integer> progress, int thread) {
        List<RecordedCall> calls = threads.get(thread);
        int index = progress.get(thread);
        return index < calls.size() ? calls.get(index) : null;
    }

    /** Returns whether another call was answered before this one began, and has not taken effect yet. */
    private boolean mustWait(RecordedCall call, List<Integer> progress) {
        for (int thread = 0; thread < threads.size(); thread++) {
            RecordedCall other = next(progress, thread);
            if (other != null && other.replied() < call.invoked()) {
                return true;
            }
        }
        return false;
    }
}
