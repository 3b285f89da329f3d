package io.github.micronautratelimit.guide.pictures;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.tck.VirtualClock;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.UUID;

/** Seven callers of a limit of three slots. The instance of one holder dies. */
final class SlotHolders {

    private static final long SECOND = 1_000_000;
    private static final long END = 24 * SECOND;
    private static final Policy THREE = Policy.of("picture", "3 concurrent lease 10s");

    private final VirtualClock clock = VirtualClock.at(Run.START);
    private final long start = clock.micros();
    private final ConcurrencyBackend slots = new MemoryBackend(clock, 10).concurrency();
    private final TreeMap<Long, List<Runnable>> plan = new TreeMap<>();
    private final List<Run.Level> free = new ArrayList<>();
    private final Chart chart = new Chart("Three slots, and a holder that dies", 0, 24, 2);
    private final List<Runnable> rows = new ArrayList<>();
    private final List<String> outcomes = new ArrayList<>();

    SlotHolders() {
        hold("A", 1, 8, 8);
        hold("B", 2, 19, 19);
        hold("C", 3, 6, 13);
        hold("D", 5, 5, 5);
        hold("E", 9, 22, 22);
        hold("F", 11, 11, 11);
        hold("G", 14, 17, 17);
        for (long at = 0; at <= END; at += SECOND / 10) {
            clock.set(start + at);
            plan.getOrDefault(at, List.of()).forEach(Runnable::run);
            long remaining =
                    slots.peek(THREE, "key").toCompletableFuture().join().remaining();
            if (free.isEmpty() || free.get(free.size() - 1).remaining() != remaining) {
                free.add(new Run.Level(at, remaining));
            }
        }
    }

    /** Requests a slot at a second and renews it until another. If it is kept for longer, the holder dies then. */
    private void hold(String name, long begin, long end, long kept) {
        UUID holder = new UUID(0, begin);
        at(begin, () -> {
            Decision decision =
                    slots.acquire(THREE, "key", holder).toCompletableFuture().join();
            outcomes.add(name + (decision.allowed() ? " holds" : " denied"));
            if (decision.allowed()) {
                rows.add(() -> chart.slot(name, begin, end, kept));
                renew(holder, begin, end, kept);
            } else {
                rows.add(() -> chart.denied(name, begin, "denied: all three slots are held"));
            }
        });
    }

    private void renew(UUID holder, long begin, long end, long kept) {
        for (long renewal = begin + 3; renewal < end; renewal += 3) {
            at(renewal, () -> slots.renew(THREE, "key", holder));
        }
        if (kept == end) {
            at(end, () -> slots.release(THREE, "key", holder));
        }
    }

    private void at(long second, Runnable step) {
        plan.computeIfAbsent(second * SECOND, none -> new ArrayList<>()).add(step);
    }

    /** Returns the outcomes in the order of the requests. */
    List<String> outcomes() {
        return outcomes;
    }

    /** Returns the number of free slots at a second. */
    long free(long second) {
        return free.stream()
                .filter(level -> level.micros() <= second * SECOND)
                .reduce((one, later) -> later)
                .orElseThrow()
                .remaining();
    }

    Chart chart() {
        chart.heading("3 concurrent lease 10s", "slots held, and requests denied");
        rows.forEach(Runnable::run);
        chart.plot(free, 3, 1, "free slots");
        return chart;
    }
}
