package io.github.micronautratelimit.simulator.report;

import io.github.micronautratelimit.simulator.report.Report.Advice;
import io.github.micronautratelimit.simulator.report.Report.CandidateSummary;
import io.github.micronautratelimit.simulator.report.Report.Input;
import io.github.micronautratelimit.simulator.report.Report.Traffic;

/** Writes the essence of a report for a terminal. */
public final class TextReport {

    private TextReport() {}

    /**
     * Returns the text.
     *
     * @param report the report
     */
    public static String write(Report report) {
        StringBuilder text = new StringBuilder();
        Input input = report.input();
        line(
                text,
                plain(Words.number(input.requests())) + " requests of "
                        + (input.estimated() ? "about " : "") + plain(Words.number(input.clients())) + " clients, "
                        + Words.time(input.firstMicros()) + " to " + Words.time(input.lastMicros()) + " UTC"
                        + (report.partial() ? " (interrupted)" : ""));
        for (CandidateSummary candidate : report.candidates()) {
            line(text, "");
            line(text, candidate.name());
            line(
                    text,
                    "  denies " + plain(Words.percent(candidate.deniedShare())) + " of requests (" + candidate.denied()
                            + " of " + candidate.requests() + ")");
            line(
                    text,
                    "  touches " + plain(Words.percent(candidate.clientsDeniedShare())) + " of clients ("
                            + candidate.clientsDenied() + " of " + candidate.clients() + ")");
        }
        for (Traffic traffic : report.traffic()) {
            line(text, "");
            line(text, "Advice for " + traffic.name() + ", without " + traffic.attackers() + " likely attackers");
            for (Advice advice : traffic.advice()) {
                line(
                        text,
                        advice.limit().isEmpty()
                                ? "  per " + advice.period() + ": none of the tried limits is large enough"
                                : "  " + advice.limit() + " touches " + advice.touched() + " of " + advice.keys()
                                        + " keys and " + advice.attackers() + " likely attackers");
            }
        }
        report.notes().forEach(note -> line(text, "Note: " + note));
        return text.toString();
    }

    private static String plain(String text) {
        return text.replace('\u202f', ' ');
    }

    private static void line(StringBuilder text, String line) {
        text.append(line).append(System.lineSeparator());
    }
}
