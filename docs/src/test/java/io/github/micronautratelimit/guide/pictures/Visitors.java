package io.github.micronautratelimit.guide.pictures;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.UUID;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.LeaseBackend;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.tck.VirtualClock;

/** Some who want one of three places, one after the other; the instance of one of them dies. */
final class Visitors {

    private static final long SECOND = 1_000_000;
    private static final long END = 24 * SECOND;
    private static final Policy THREE = Policy.of("picture", "3 concurrent lease 10s");

    private final VirtualClock clock = VirtualClock.at(Run.START);
    private final long start = clock.micros();
    private final LeaseBackend places = new MemoryBackend(clock, 10).leases();
    private final TreeMap<Long, List<Runnable>> plan = new TreeMap<>();
    private final List<Run.Level> free = new ArrayList<>();
    private final Chart chart = new Chart("Three places, and a holder that dies", 0, 24, 2);
    private final List<Runnable> rows = new ArrayList<>();
    private final List<String> outcomes = new ArrayList<>();

    Visitors() {
        visit("A", 1, 8, 8);
        visit("B", 2, 19, 19);
        visit("C", 3, 6, 13);
        visit("D", 5, 5, 5);
        visit("E", 9, 22, 22);
        visit("F", 11, 11, 11);
        visit("G", 14, 17, 17);
        for (long at = 0; at <= END; at += SECOND / 10) {
            clock.set(start + at);
            plan.getOrDefault(at, List.of()).forEach(Runnable::run);
            long left = places.peek(THREE, "key").toCompletableFuture().join().remaining();
            if (free.isEmpty() || free.get(free.size() - 1).left() != left) {
                free.add(new Run.Level(at, left));
            }
        }
    }

    /** Comes at a second, works until another and renews its lease meanwhile; if kept for longer, it leaves no more. */
    private void visit(String name, long begin, long end, long kept) {
        UUID holder = new UUID(0, begin);
        at(begin, () -> {
            Decision decision = places.acquire(THREE, "key", holder).toCompletableFuture().join();
            outcomes.add(name + (decision.allowed() ? " holds" : " denied"));
            if (decision.allowed()) {
                rows.add(() -> chart.place(name, begin, end, kept));
                stay(holder, begin, end, kept);
            } else {
                rows.add(() -> chart.denied(name, begin, "denied: all three are taken"));
            }
        });
    }

    private void stay(UUID holder, long begin, long end, long kept) {
        for (long renewal = begin + 3; renewal < end; renewal += 3) {
            at(renewal, () -> places.renew(THREE, "key", holder));
        }
        if (kept == end) {
            at(end, () -> places.release(THREE, "key", holder));
        }
    }

    private void at(long second, Runnable step) {
        plan.computeIfAbsent(second * SECOND, none -> new ArrayList<>()).add(step);
    }

    /** Who held a place and who was denied one, in the order they came in. */
    List<String> outcomes() {
        return outcomes;
    }

    /** How many places are free at a second. */
    long free(long second) {
        return free.stream().filter(level -> level.micros() <= second * SECOND).reduce((one, later) -> later)
                .orElseThrow().left();
    }

    Chart chart() {
        chart.heading("3 concurrent lease 10s", "who holds a place, and who is denied one");
        rows.forEach(Runnable::run);
        chart.plot(free, 3, 1, "places free");
        return chart;
    }
}
