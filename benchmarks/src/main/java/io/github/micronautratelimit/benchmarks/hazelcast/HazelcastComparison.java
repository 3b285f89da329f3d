package io.github.micronautratelimit.benchmarks.hazelcast;

import com.hazelcast.core.HazelcastInstance;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;

/**
 * Measures decisions in Hazelcast, ours and Bucket4j's in turn, and prints a comparison.
 */
public final class HazelcastComparison {

    private static final int DISTINCT_KEYS = 10_000;
    private static final int MANY = 32;

    private final int rounds;
    private final long nanosEach;

    private HazelcastComparison(boolean quick) {
        this.rounds = quick ? 1 : 5;
        this.nanosEach = TimeUnit.MILLISECONDS.toNanos(quick ? 300 : 1_000);
    }

    /**
     * Runs the comparison.
     *
     * @param arguments {@code full} or {@code quick}
     * @throws Exception if a decision fails
     */
    public static void main(String[] arguments) throws Exception {
        HazelcastComparison comparison = new HazelcastComparison(arguments[0].equals("quick"));
        System.out.println("Decisions per second (lowest-highest), microseconds of CPU time per decision; common pool "
                + "parallelism " + ForkJoinPool.getCommonPoolParallelism() + ".\n");
        System.out.println(
                "| member | keys | in flight | ours | ours, not shared | Bucket4j, own serializers | Bucket4j "
                        + "| ours / own serializers | ours / Bucket4j |");
        System.out.println("|---|---|---|---|---|---|---|---|---|");
        for (boolean embedded : new boolean[] {true, false}) {
            try (Member plain = embedded ? Member.embedded(false) : Member.behindAClient(false);
                    Member tuned = embedded ? Member.embedded(true) : Member.behindAClient(true)) {
                comparison.compare(embedded ? "embedded" : "client", plain, tuned);
            }
        }
        System.exit(0);
    }

    private void compare(String where, Member plain, Member tuned) throws InterruptedException {
        Map<Contender, Member> contenders = new LinkedHashMap<>();
        contender(contenders, plain, Contender::ours);
        contender(contenders, plain, Contender::oursUncoalesced);
        contender(contenders, tuned, Contender::bucket4j);
        contender(contenders, plain, Contender::bucket4j);
        for (int keys : new int[] {1, DISTINCT_KEYS}) {
            for (int inFlight : new int[] {1, MANY}) {
                Map<Contender, List<Sample>> samples = new LinkedHashMap<>();
                for (int round = 0; round <= rounds; round++) {
                    for (Map.Entry<Contender, Member> each : contenders.entrySet()) {
                        Sample sample = measure(each.getKey(), each.getValue(), keys, inFlight);
                        // The first round warms up.
                        if (round > 0) {
                            samples.computeIfAbsent(each.getKey(), first -> new ArrayList<>())
                                    .add(sample);
                        }
                    }
                }
                print(where, keys, inFlight, List.copyOf(samples.values()));
            }
        }
    }

    private static void contender(
            Map<Contender, Member> all, Member member, Function<HazelcastInstance, Contender> made) {
        all.put(made.apply(member.caller()), member);
    }

    private record Sample(double perSecond, double cpuMicros) {}

    /** Keeps a fixed number of requests in flight: each answer starts the next request. */
    private Sample measure(Contender contender, Member member, int keys, int inFlight) throws InterruptedException {
        Semaphore free = new Semaphore(inFlight);
        AtomicLong failed = new AtomicLong();
        String[] names = new String[keys];
        for (int i = 0; i < keys; i++) {
            names[i] = "10.0." + (i >> 8) + "." + (i & 255);
        }
        long cpu = member.cpuMicros();
        long start = System.nanoTime();
        long sent = 0;
        while (System.nanoTime() - start < nanosEach) {
            free.acquire();
            contender.take(names[(int) (sent++ * 7919 % keys)]).whenComplete((granted, failure) -> {
                if (failure != null || !granted) {
                    failed.incrementAndGet();
                }
                free.release();
            });
        }
        free.acquire(inFlight);
        double seconds = (System.nanoTime() - start) / 1e9;
        if (failed.get() > 0) {
            throw new IllegalStateException(failed + " of " + sent + " decisions failed or were denied.");
        }
        return new Sample(sent / seconds, (double) (member.cpuMicros() - cpu) / sent);
    }

    private static void print(String where, int keys, int inFlight, List<List<Sample>> samples) {
        StringBuilder row = new StringBuilder("| " + where + " | " + keys + " | " + inFlight + " |");
        for (List<Sample> each : samples) {
            List<Double> speeds = each.stream().map(Sample::perSecond).toList();
            row.append(String.format(
                    Locale.ROOT,
                    " %.0f (%.0f-%.0f), %.0f us |",
                    median(speeds),
                    Collections.min(speeds),
                    Collections.max(speeds),
                    median(each.stream().map(Sample::cpuMicros).toList())));
        }
        double ours = median(samples.get(0).stream().map(Sample::perSecond).toList());
        for (int peer = 2; peer < samples.size(); peer++) {
            row.append(String.format(
                    Locale.ROOT,
                    " %.1f |",
                    ours
                            / median(samples.get(peer).stream()
                                    .map(Sample::perSecond)
                                    .toList())));
        }
        System.out.println(row);
    }

    private static double median(List<Double> samples) {
        return samples.stream().sorted().toList().get(samples.size() / 2);
    }
}
