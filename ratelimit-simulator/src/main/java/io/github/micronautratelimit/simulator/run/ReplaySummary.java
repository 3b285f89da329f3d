package io.github.micronautratelimit.simulator.run;

import io.github.micronautratelimit.simulator.log.LogCounts;
import io.github.micronautratelimit.simulator.report.Report;
import io.github.micronautratelimit.simulator.report.Report.Bin;
import io.github.micronautratelimit.simulator.report.Report.CandidateSummary;
import io.github.micronautratelimit.simulator.report.Report.Histogram;
import io.github.micronautratelimit.simulator.report.Report.KeyRow;
import io.github.micronautratelimit.simulator.report.Report.RuleSummary;
import io.github.micronautratelimit.simulator.report.Report.Traffic;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.function.ToIntFunction;
import java.util.stream.IntStream;

/** Makes the report of a replay. */
public final class ReplaySummary {

    private static final int TOP_KEYS = 20;
    private static final long[] BIN_STARTS = {
        1, 2, 3, 6, 11, 21, 51, 101, 201, 501, 1_001, 2_001, 5_001, 10_001, 100_001, Long.MAX_VALUE
    };

    private final Replay replay;
    private final KeyNames names;
    private final double share;

    /**
     * Creates a summary.
     *
     * @param replay the replay
     * @param names  the names of keys
     * @param share  the share of keys that an advised limit may touch, 0 to 1
     */
    public ReplaySummary(Replay replay, KeyNames names, double share) {
        this.replay = replay;
        this.names = names;
        this.share = share;
    }

    /**
     * Returns the report.
     *
     * @param files   the names of the files
     * @param counts  the counts of their lines
     * @param notes   further notes
     * @param partial whether the replay was interrupted
     */
    public Report report(List<String> files, LogCounts counts, List<String> notes, boolean partial) {
        List<String> allNotes = new ArrayList<>(notes);
        replay.candidates().forEach(candidate -> addNotes(candidate, allNotes));
        int last = replay.requests() == 0 ? 0 : replay.grid().index(replay.lastMicros());
        return new Report(
                new Report.Input(
                        files,
                        counts.lines(),
                        replay.requests(),
                        counts.unreadable(),
                        replay.firstMicros(),
                        replay.lastMicros(),
                        replay.clients().keys(),
                        replay.clients().scale() > 1),
                IntStream.range(0, replay.candidates().size())
                        .mapToObj(this::candidate)
                        .toList(),
                new Report.Timeline(
                        Math.max(0, replay.grid().originMicros()),
                        replay.grid().widthMicros(),
                        replay.requestCourse().upTo(last),
                        replay.candidates().stream()
                                .map(candidate -> candidate.deniedCourse().upTo(last))
                                .toList()),
                replay.traffic().stream().map(this::traffic).toList(),
                allNotes.stream().distinct().toList(),
                partial);
    }

    private static void addNotes(CandidateReplay candidate, List<String> notes) {
        notes.addAll(candidate.candidate().notes());
        if (candidate.sharedDecisions() > 0) {
            notes.add(candidate.sharedDecisions() + " decisions of "
                    + candidate.candidate().name()
                    + " were made on shared counters, because too many keys were live; pass a larger --max-keys and more"
                    + " memory with java -Xmx.");
        }
    }

    private CandidateSummary candidate(int number) {
        CandidateReplay candidate = replay.candidates().get(number);
        long touched = replay.clients().values().stream()
                .filter(client -> client.isDeniedBy(number))
                .count();
        return new CandidateSummary(
                candidate.candidate().name(),
                candidate.candidate().rules().stream()
                        .flatMap(rule -> rule.variants().stream())
                        .map(rule -> (candidate.candidate().written()
                                        ? ""
                                        : rule.policy().name() + ": ")
                                + rule.limits() + " by " + rule.traffic())
                        .toList(),
                candidate.requests(),
                candidate.denied(),
                replay.clients().keys(),
                touched * replay.clients().scale());
    }

    private Traffic traffic(TrafficLog traffic) {
        AttackMark attacks = new AttackMark(traffic.sampled());
        List<LimitAdvice> advice = Arrays.stream(LimitSeries.values())
                .filter(series -> series == LimitSeries.SECOND
                        || replay.lastMicros() - replay.firstMicros() >= series.periodMicros())
                .map(series -> new LimitAdvice(traffic, series, attacks, share, names))
                .toList();
        return new Traffic(
                traffic.name(),
                traffic.requests(),
                traffic.keys(),
                traffic.scale(),
                rules(traffic),
                advice.stream().map(LimitAdvice::tradeOff).toList(),
                List.of(
                        histogram("second", traffic.sampled(), KeyTraffic::peakSecond, traffic.scale()),
                        histogram("minute", traffic.sampled(), KeyTraffic::peakMinute, traffic.scale())),
                advice.stream().map(LimitAdvice::advice).toList(),
                topKeys(traffic, attacks),
                traffic.sampled().stream().filter(attacks::marks).count() * traffic.scale());
    }

    private static List<RuleSummary> rules(TrafficLog traffic) {
        List<RuleSummary> rules = new ArrayList<>();
        for (int i = 0; i < traffic.uses().size(); i++) {
            int number = i;
            TrafficLog.Use use = traffic.uses().get(i);
            long touched = traffic.sampled().stream()
                    .filter(key -> key.denied(number) > 0)
                    .count();
            rules.add(new RuleSummary(
                    use.candidate(),
                    use.rule().policy().name(),
                    use.rule().limits(),
                    use.denied(),
                    touched * traffic.scale()));
        }
        return rules;
    }

    private static Histogram histogram(
            String period, Collection<KeyTraffic> keys, ToIntFunction<KeyTraffic> peak, int scale) {
        long[] counts = new long[BIN_STARTS.length - 1];
        for (KeyTraffic key : keys) {
            int bin = Arrays.binarySearch(BIN_STARTS, Math.max(1, peak.applyAsInt(key)));
            counts[bin >= 0 ? bin : -bin - 2] += scale;
        }
        int last = counts.length - 1;
        while (last > 0 && counts[last] == 0) {
            last--;
        }
        return new Histogram(
                period,
                IntStream.rangeClosed(0, last)
                        .mapToObj(i -> new Bin(BIN_STARTS[i], BIN_STARTS[i + 1] - 1, counts[i]))
                        .toList());
    }

    private List<KeyRow> topKeys(TrafficLog traffic, AttackMark attacks) {
        int uses = traffic.uses().size();
        int last = replay.requests() == 0 ? 0 : replay.courses().index(replay.lastMicros());
        return traffic.sampled().stream()
                .sorted(Comparator.comparingLong((KeyTraffic key) -> denied(key, uses))
                        .thenComparingLong(KeyTraffic::requests)
                        .reversed()
                        .thenComparing(KeyTraffic::key))
                .limit(TOP_KEYS)
                .map(key -> new KeyRow(
                        names.of(key.key()),
                        key.requests(),
                        IntStream.range(0, uses)
                                .mapToObj(use -> (long) key.denied(use))
                                .toList(),
                        key.peakMinute(),
                        key.errorShare(),
                        attacks.of(key),
                        key.course(replay.courses(), last),
                        key.deniedCourse(last)))
                .toList();
    }

    private static long denied(KeyTraffic key, int uses) {
        return IntStream.range(0, uses).mapToLong(key::denied).sum();
    }
}
