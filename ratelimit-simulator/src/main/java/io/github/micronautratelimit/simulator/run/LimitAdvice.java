package io.github.micronautratelimit.simulator.run;

import io.github.micronautratelimit.simulator.report.Report.Advice;
import io.github.micronautratelimit.simulator.report.Report.Step;
import io.github.micronautratelimit.simulator.report.Report.TouchedKey;
import io.github.micronautratelimit.simulator.report.Report.TradeOff;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/**
 * Finds the smallest limit of a series, and the smallest burst with it, that touch at most a share of the keys. Likely
 * attackers do not count, because a limit should touch them.
 */
final class LimitAdvice {

    private static final int EXAMPLES = 10;

    private final LimitSeries series;
    private final Collection<KeyTraffic> all;
    private final List<KeyTraffic> honest;
    private final AttackMark attacks;
    private final double share;
    private final int scale;
    private final KeyNames names;

    LimitAdvice(TrafficLog traffic, LimitSeries series, AttackMark attacks, double share, KeyNames names) {
        this.series = series;
        this.all = traffic.sampled();
        this.honest = all.stream().filter(key -> !attacks.marks(key)).toList();
        this.attacks = attacks;
        this.share = share;
        this.scale = traffic.scale();
        this.names = names;
    }

    /** Returns the effect of each limit of the series. */
    TradeOff tradeOff() {
        List<Step> steps = new ArrayList<>();
        long requests = all.stream().mapToLong(KeyTraffic::requests).sum();
        for (int i = 0; i < series.size(); i++) {
            int step = i;
            long denied =
                    all.stream().mapToLong(key -> key.denied(series, step)).sum();
            long touched =
                    all.stream().filter(key -> key.denied(series, step) > 0).count();
            steps.add(new Step(
                    series.limit(step),
                    (double) denied / Math.max(1, requests),
                    (double) touched / Math.max(1, all.size()),
                    burstNeeded(step)));
        }
        return new TradeOff(series.unit(), steps);
    }

    /** Returns the smallest burst that touches at most the share of honest keys. */
    private long burstNeeded(int step) {
        long[] bursts = honest.stream()
                .mapToLong(key -> key.burstNeeded(series, step))
                .sorted()
                .toArray();
        return bursts.length == 0 ? 1 : bursts[bursts.length - 1 - (int) Math.floor(share * bursts.length)];
    }

    Advice advice() {
        for (int i = 0; i < series.size(); i++) {
            int step = i;
            long touched =
                    honest.stream().filter(key -> key.denied(series, step) > 0).count();
            if (touched <= Math.floor(share * honest.size())) {
                long burst = Math.min(burstNeeded(step), series.limit(step));
                return advice(step, series.text(step, burst), burst);
            }
        }
        return new Advice(series.unit(), "", 0, (long) honest.size() * scale, 0, List.of());
    }

    private Advice advice(int step, String limit, long burst) {
        List<KeyTraffic> touched = all.stream()
                .filter(key -> key.burstNeeded(series, step) > burst)
                .sorted(Comparator.comparingLong(KeyTraffic::requests).reversed())
                .toList();
        long attackers = touched.stream().filter(attacks::marks).count();
        return new Advice(
                series.unit(),
                limit,
                (touched.size() - attackers) * scale,
                (long) honest.size() * scale,
                attackers * scale,
                touched.stream()
                        .limit(EXAMPLES)
                        .map(key -> new TouchedKey(names.of(key.key()), key.requests(), attacks.marks(key)))
                        .toList());
    }
}
