package io.github.micronautratelimit.simulator.report;

import io.github.micronautratelimit.simulator.report.Report.Bin;
import io.github.micronautratelimit.simulator.report.Report.Histogram;
import io.github.micronautratelimit.simulator.report.Report.Step;
import io.github.micronautratelimit.simulator.report.Report.Timeline;
import io.github.micronautratelimit.simulator.report.Report.TradeOff;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/**
 * Draws plots as SVG within HTML. The drawing stretches with the page; labels are HTML, so that they are as readable on
 * a phone as on a screen.
 */
final class Plots {

    private static final int WIDTH = 1000;
    private static final int HEIGHT = 200;
    private static final double[] SHARES = {1, 0.5, 0.1, 0.01};
    private static final int MOST_LABELS = 7;

    private Plots() {}

    /** Returns requests as an area, and the denials of each candidate as a line. */
    static String timeline(Timeline timeline, List<String> candidates) {
        List<Long> requests = timeline.requests();
        long most = Math.max(1, Collections.max(requests));
        StringBuilder svg = new StringBuilder(open());
        svg.append("<path class=\"area\" d=\"")
                .append(steps(requests, most, true))
                .append("\"/>");
        for (int i = 0; i < candidates.size(); i++) {
            svg.append("<path class=\"line c")
                    .append(i % 6)
                    .append("\" d=\"")
                    .append(steps(timeline.denied().get(i), most, false))
                    .append("\"/>");
        }
        svg.append(tooltips(timeline, candidates)).append("</svg>");
        long end = timeline.startMicros() + requests.size() * timeline.widthMicros();
        String labels = "<span>" + Words.briefTime(timeline.startMicros()) + "</span><span class=\"wide\">"
                + Words.briefTime((timeline.startMicros() + end) / 2) + "</span><span>" + Words.briefTime(end)
                + "</span>";
        return plot(
                "<span style=\"top:0\">" + Words.brief(most) + "</span><span style=\"top:50%\">" + Words.brief(most / 2)
                        + "</span><span style=\"top:100%\">0</span>",
                svg.toString(),
                "<div class=\"ends\">" + labels + "</div>");
    }

    private static String tooltips(Timeline timeline, List<String> candidates) {
        StringBuilder svg = new StringBuilder();
        double width = (double) WIDTH / timeline.requests().size();
        for (int i = 0; i < timeline.requests().size(); i++) {
            StringBuilder text = new StringBuilder(Words.time(timeline.startMicros() + i * timeline.widthMicros()))
                    .append(" UTC: ")
                    .append(Words.number(timeline.requests().get(i)))
                    .append(" requests");
            for (int c = 0; c < candidates.size(); c++) {
                text.append("; ")
                        .append(candidates.get(c))
                        .append(" denies ")
                        .append(timeline.denied().get(c).get(i));
            }
            svg.append(target(i * width, width, text.toString()));
        }
        return svg.toString();
    }

    /** Returns an invisible column with a tooltip. */
    private static String target(double x, double width, String text) {
        return "<rect class=\"hit\" x=\"" + rounded(x) + "\" width=\"" + rounded(width) + "\" height=\"" + HEIGHT
                + "\"><title>" + Words.escaped(text) + "</title></rect>";
    }

    private static String steps(List<Long> counts, long most, boolean closed) {
        StringBuilder path = new StringBuilder(closed ? "M0 " + HEIGHT : "");
        double width = (double) WIDTH / counts.size();
        for (int i = 0; i < counts.size(); i++) {
            double y = HEIGHT - (double) HEIGHT * counts.get(i) / most;
            path.append(path.length() == 0 ? "M" : "L")
                    .append(rounded(i * width))
                    .append(' ')
                    .append(rounded(y))
                    .append('H')
                    .append(rounded((i + 1) * width));
        }
        return closed ? path + "V" + HEIGHT + "Z" : path.toString();
    }

    /** Returns the shares of denied requests and touched keys for each limit; shares have a square-root scale. */
    static String tradeOff(TradeOff tradeOff, String advised) {
        List<Step> steps = shown(tradeOff.steps());
        double width = (double) WIDTH / steps.size();
        StringBuilder svg = new StringBuilder(open());
        StringBuilder shares = new StringBuilder();
        for (double share : SHARES) {
            String y = rounded(height(share));
            svg.append("<path class=\"grid\" d=\"M0 ")
                    .append(y)
                    .append('H')
                    .append(WIDTH)
                    .append("\"/>");
            shares.append("<span style=\"top:")
                    .append(rounded(100 * height(share) / HEIGHT))
                    .append("%\">")
                    .append(Words.percent(share))
                    .append("</span>");
        }
        StringBuilder labels = new StringBuilder();
        int every = (steps.size() + MOST_LABELS - 1) / MOST_LABELS;
        for (int i = 0; i < steps.size(); i++) {
            Step step = steps.get(i);
            if (advised.split("/")[0].equals(Long.toString(step.limit()))) {
                svg.append("<path class=\"advised\" d=\"M")
                        .append(rounded((i + 0.5) * width))
                        .append(" 0V")
                        .append(HEIGHT)
                        .append("\"/>");
            }
            if (i % every == 0) {
                labels.append("<span style=\"left:")
                        .append(rounded(100 * (i + 0.5) / steps.size()))
                        .append("%\">")
                        .append(Words.brief(step.limit()))
                        .append("</span>");
            }
        }
        svg.append(curve("requests", steps, Step::deniedShare)).append(curve("keys", steps, Step::touchedShare));
        for (int i = 0; i < steps.size(); i++) {
            Step step = steps.get(i);
            svg.append(target(
                    i * width,
                    width,
                    step.limit() + "/" + tradeOff.period() + " denies " + Words.percent(step.deniedShare())
                            + " of requests and touches " + Words.percent(step.touchedShare()) + " of keys"));
        }
        return plot(shares.toString(), svg + "</svg>", "<div class=\"marks\">" + labels + "</div>");
    }

    /** Leaves out the limits above the first one that denies nothing, but for one. */
    private static List<Step> shown(List<Step> steps) {
        int last = 0;
        while (last < steps.size() - 1 && steps.get(last).touchedShare() > 0) {
            last++;
        }
        return steps.subList(0, Math.min(steps.size(), Math.max(last + 2, 4)));
    }

    private static String curve(String name, List<Step> steps, ToDoubleFunction<Step> share) {
        StringBuilder path = new StringBuilder();
        double width = (double) WIDTH / steps.size();
        for (int i = 0; i < steps.size(); i++) {
            path.append(i == 0 ? 'M' : 'L')
                    .append(rounded((i + 0.5) * width))
                    .append(' ')
                    .append(rounded(height(share.applyAsDouble(steps.get(i)))));
        }
        return "<path class=\"line " + name + "\" d=\"" + path + "\"/>";
    }

    private static double height(double share) {
        return HEIGHT * (1 - Math.sqrt(share));
    }

    /** Returns horizontal bars; their lengths have a square-root scale. */
    static String histogram(Histogram histogram) {
        long most = histogram.bins().stream().mapToLong(Bin::keys).max().orElse(1);
        StringBuilder html = new StringBuilder("<div class=\"bars\">");
        for (Bin bin : histogram.bins()) {
            String range = bin.from() == bin.to()
                    ? Words.brief(bin.from())
                    : bin.to() == Long.MAX_VALUE - 1
                            ? "over " + Words.brief(bin.from() - 1)
                            : Words.brief(bin.from()) + "–" + Words.brief(bin.to());
            html.append("<span>")
                    .append(range)
                    .append("</span><i><b style=\"width:")
                    .append(rounded(100 * Math.sqrt((double) bin.keys() / Math.max(1, most))))
                    .append("%\"></b></i><span>")
                    .append(Words.number(bin.keys()))
                    .append("</span>");
        }
        return html.append("</div>").toString();
    }

    /** Returns the course of a key: requests, and above them those that were denied. */
    static String sparkline(List<Long> requests, List<Long> denied) {
        long most = Math.max(1, Collections.max(requests));
        StringBuilder svg = new StringBuilder("<svg class=\"spark\" viewBox=\"0 0 ")
                .append(requests.size())
                .append(" 20\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
        for (int i = 0; i < requests.size(); i++) {
            svg.append(bar("area", i, requests.get(i), most));
            svg.append(i < denied.size() ? bar("denied", i, denied.get(i), most) : "");
        }
        return svg.append("</svg>").toString();
    }

    private static String bar(String name, int x, long count, long most) {
        if (count == 0) {
            return "";
        }
        double height = Math.max(1, 20.0 * count / most);
        return "<rect class=\"" + name + "\" x=\"" + x + "\" y=\"" + rounded(20 - height) + "\" width=\"0.9\" height=\""
                + rounded(height) + "\"/>";
    }

    private static String open() {
        return "<svg viewBox=\"0 0 " + WIDTH + " " + HEIGHT + "\" preserveAspectRatio=\"none\" role=\"img\">";
    }

    private static String plot(String yLabels, String svg, String xLabels) {
        return "<div class=\"plot\"><div class=\"y\">" + yLabels + "</div><div class=\"drawing\">" + svg
                + "</div><div></div>" + xLabels + "</div>";
    }

    private static String rounded(double number) {
        String text = String.format(Locale.ROOT, "%.2f", number);
        return text.endsWith(".00") ? text.substring(0, text.length() - 3) : text;
    }
}
