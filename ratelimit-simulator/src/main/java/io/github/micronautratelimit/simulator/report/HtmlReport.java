package io.github.micronautratelimit.simulator.report;

import io.github.micronautratelimit.simulator.report.Report.Advice;
import io.github.micronautratelimit.simulator.report.Report.CandidateSummary;
import io.github.micronautratelimit.simulator.report.Report.Histogram;
import io.github.micronautratelimit.simulator.report.Report.Input;
import io.github.micronautratelimit.simulator.report.Report.KeyRow;
import io.github.micronautratelimit.simulator.report.Report.RuleSummary;
import io.github.micronautratelimit.simulator.report.Report.TouchedKey;
import io.github.micronautratelimit.simulator.report.Report.Traffic;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

/** Writes a report as one HTML page without scripts and without outside resources. */
public final class HtmlReport {

    private static final Map<String, String> PERIODS =
            Map.of("s", "second", "min", "minute", "h", "hour", "day", "day");

    private final Report report;
    private final StringBuilder html = new StringBuilder();

    private HtmlReport(Report report) {
        this.report = report;
    }

    /**
     * Returns the page.
     *
     * @param report the report
     */
    public static String write(Report report) {
        return new HtmlReport(report).page();
    }

    private String page() {
        html.append("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")
                .append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")
                .append("<title>Rate limit replay</title><style>")
                .append(resource("report.css"))
                .append("</style></head><body><main>");
        header();
        candidates();
        timeline();
        for (Traffic traffic : report.traffic()) {
            traffic(traffic);
        }
        notes();
        return html.append("</main></body></html>\n").toString();
    }

    private static String resource(String name) {
        try (InputStream in = Objects.requireNonNull(HtmlReport.class.getResourceAsStream(name))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void header() {
        Input input = report.input();
        html.append("<header><h1>Rate limit replay</h1><p>")
                .append(Words.escaped(String.join(", ", input.files())))
                .append("</p><p class=\"facts\">")
                .append(fact(Words.number(input.requests()), "requests"))
                .append(fact((input.estimated() ? "≈ " : "") + Words.number(input.clients()), "clients"))
                .append(fact(
                        Words.duration(input.lastMicros() - input.firstMicros()),
                        "from " + Words.time(input.firstMicros()) + " to " + Words.time(input.lastMicros()) + " UTC"))
                .append(input.unreadable() == 0 ? "" : fact(Words.number(input.unreadable()), "unreadable lines"))
                .append("</p>")
                .append(
                        report.partial()
                                ? "<p class=\"warning\">The replay was interrupted; this report is partial.</p>"
                                : "")
                .append("</header>");
    }

    private static String fact(String number, String words) {
        return "<span><b>" + number + "</b> " + words + "</span>";
    }

    private void candidates() {
        html.append("<section><h2>At a glance</h2><div class=\"cards\">");
        for (int i = 0; i < report.candidates().size(); i++) {
            CandidateSummary candidate = report.candidates().get(i);
            html.append("<article><h3><i class=\"dot c")
                    .append(i % 6)
                    .append("\"></i>")
                    .append(Words.escaped(candidate.name()))
                    .append("</h3>")
                    .append(big(
                            candidate.deniedShare(), "of requests denied", candidate.denied(), candidate.requests()))
                    .append(big(
                            candidate.clientsDeniedShare(),
                            "of clients denied at least once",
                            candidate.clientsDenied(),
                            candidate.clients()))
                    .append("<ul>");
            candidate.limits().forEach(limit -> html.append("<li>")
                    .append(Words.escaped(limit))
                    .append("</li>"));
            html.append("</ul></article>");
        }
        html.append("</div></section>");
    }

    private static String big(double share, String words, long part, long whole) {
        return "<p class=\"big\"><b>" + Words.percent(share) + "</b> " + words + "<br><small>" + Words.number(part)
                + " of " + Words.number(whole) + "</small></p>";
    }

    private void timeline() {
        List<String> names =
                report.candidates().stream().map(CandidateSummary::name).toList();
        html.append(
                "<section><h2>Requests and denials over time</h2><p class=\"legend\"><span><i class=\"dot area\"></i>requests</span>");
        for (int i = 0; i < names.size(); i++) {
            html.append(" <span><i class=\"dot c")
                    .append(i % 6)
                    .append("\"></i>denied by ")
                    .append(Words.escaped(names.get(i)))
                    .append("</span>");
        }
        html.append(" <span>per ")
                .append(Words.duration(report.timeline().widthMicros()))
                .append("</span></p>")
                .append(Plots.timeline(report.timeline(), names))
                .append("</section>");
    }

    private void traffic(Traffic traffic) {
        html.append("<section class=\"traffic\"><h2>")
                .append(Words.escaped(traffic.name()))
                .append("</h2><p>")
                .append(Words.number(traffic.requests()))
                .append(" requests of ")
                .append(traffic.sampling() == 1 ? "" : "about ")
                .append(Words.number(traffic.keys()))
                .append(traffic.keys() == 1 ? " key" : " keys");
        if (traffic.attackers() > 0) {
            html.append(", of which <b class=\"attack\">")
                    .append(Words.number(traffic.attackers()))
                    .append(traffic.attackers() == 1 ? " is a likely attacker</b>" : " are likely attackers</b>");
        }
        html.append(
                        traffic.sampling() == 1
                                ? "."
                                : ". Shares and keys are estimates from one of " + traffic.sampling() + " keys.")
                .append("</p>");
        rules(traffic.rules(), traffic.keys());
        advice(traffic);
        tradeOffs(traffic);
        bursts(traffic.bursts());
        keys(traffic);
        html.append("</section>");
    }

    private void rules(List<RuleSummary> rules, long keys) {
        html.append("<div class=\"scroll\"><table><tr><th>Candidate</th><th>Limits</th><th>Requests denied</th>"
                + "<th>Keys denied at least once</th></tr>");
        for (RuleSummary rule : rules) {
            html.append(row(
                    Words.escaped(rule.candidate()),
                    Words.escaped(rule.limits()),
                    Words.number(rule.denied()),
                    Words.number(rule.keysDenied()) + " (" + Words.percent(Report.share(rule.keysDenied(), keys))
                            + ")"));
        }
        html.append("</table></div>");
    }

    private static String row(String... cells) {
        return List.of(cells).stream().collect(Collectors.joining("</td><td>", "<tr><td>", "</td></tr>"));
    }

    private void advice(Traffic traffic) {
        html.append(
                "<h3>Advice</h3><p>The smallest round limit and burst that touch only the allowed share of keys that"
                        + " are not likely attackers.</p><div class=\"scroll\"><table><tr><th>Period</th><th>Limit</th>"
                        + "<th>Keys touched</th><th>Likely attackers touched</th></tr>");
        for (Advice advice : traffic.advice()) {
            String period = PERIODS.get(advice.period());
            html.append(
                    advice.limit().isEmpty()
                            ? row(String.valueOf(period), "none of the tried limits is large enough", "", "")
                            : row(
                                    String.valueOf(period),
                                    "<code>" + advice.limit() + "</code>",
                                    touched(advice),
                                    Words.number(advice.attackers())));
        }
        html.append("</table></div>");
    }

    private static String touched(Advice advice) {
        String count = Words.number(advice.touched()) + " of " + Words.number(advice.keys());
        if (advice.examples().isEmpty()) {
            return count;
        }
        return "<details><summary>" + count + "</summary>"
                + advice.examples().stream().map(HtmlReport::touchedKey).collect(Collectors.joining("<br>"))
                + "</details>";
    }

    private static String touchedKey(TouchedKey key) {
        return "<code>" + Words.escaped(key.key()) + "</code> " + Words.number(key.requests()) + " requests"
                + (key.attacker() ? " <b class=\"attack\">likely attacker</b>" : "");
    }

    private void tradeOffs(Traffic traffic) {
        html.append("<h3>Limit against denials</h3><p class=\"legend\"><span><i class=\"dot requests\"></i>requests"
                + " denied</span> <span><i class=\"dot keys\"></i>keys touched</span> <span><i class=\"dot advised\">"
                + "</i>advised limit</span></p>"
                + "<div class=\"pairs\">");
        for (int i = 0; i < traffic.tradeOffs().size(); i++) {
            String unit = traffic.tradeOffs().get(i).period();
            html.append("<figure><figcaption>Limit per ")
                    .append(PERIODS.get(unit))
                    .append("</figcaption>")
                    .append(Plots.tradeOff(
                            traffic.tradeOffs().get(i), traffic.advice().get(i).limit()))
                    .append("</figure>");
        }
        html.append("</div>");
    }

    private void bursts(List<Histogram> bursts) {
        html.append("<h3>Bursts</h3><div class=\"pairs\">");
        for (Histogram histogram : bursts) {
            html.append("<figure><figcaption>Keys by the requests in their busiest ")
                    .append(histogram.period())
                    .append("</figcaption>")
                    .append(Plots.histogram(histogram))
                    .append("</figure>");
        }
        html.append("</div>");
    }

    private void keys(Traffic traffic) {
        html.append("<h3>Top keys</h3><div class=\"scroll\"><table class=\"keys\"><tr><th>Key</th><th>Requests</th>");
        for (RuleSummary rule : traffic.rules()) {
            html.append("<th>Denied by ")
                    .append(Words.escaped(rule.candidate()))
                    .append("</th>");
        }
        html.append("<th>Busiest minute</th><th>Over time</th></tr>");
        for (KeyRow key : traffic.topKeys()) {
            html.append("<tr><td><code>")
                    .append(Words.escaped(key.key()))
                    .append("</code>")
                    .append(
                            key.attack().isEmpty()
                                    ? ""
                                    : "<br><b class=\"attack\">likely attacker</b> <small>"
                                            + Words.escaped(key.attack()) + "</small>")
                    .append("</td><td>")
                    .append(Words.number(key.requests()));
            key.denied().forEach(denied -> html.append("</td><td>").append(Words.number(denied)));
            html.append("</td><td>")
                    .append(Words.number(key.peakMinute()))
                    .append("</td><td>")
                    .append(Plots.sparkline(key.timeline(), key.deniedTimeline()))
                    .append("</td></tr>");
        }
        html.append("</table></div>");
    }

    private void notes() {
        html.append("<section class=\"notes\"><h2>Notes</h2><ul>");
        report.notes()
                .forEach(note -> html.append("<li>").append(Words.escaped(note)).append("</li>"));
        html.append(
                "<li>A key is marked as a likely attacker if its busiest minute has at least 60 requests and at least"
                        + " 20 times as many as that of the median key, or if it made at least 20 requests of which at least half"
                        + " failed with a status 4xx.</li>"
                        + "<li>A replay assumes that clients behave as they did: a denied client neither stops nor retries.</li>"
                        + "</ul></section>");
    }
}
