package io.github.micronautratelimit.simulator.report;

import io.github.micronautratelimit.simulator.report.Report.Advice;
import io.github.micronautratelimit.simulator.report.Report.CandidateSummary;
import io.github.micronautratelimit.simulator.report.Report.KeyRow;
import io.github.micronautratelimit.simulator.report.Report.Traffic;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Writes a report as several tables in CSV (RFC 4180). Times are microseconds since the epoch, shares 0 to 1. */
public final class CsvReport {

    private CsvReport() {}

    /**
     * Returns the tables.
     *
     * @param report the report
     * @return texts by the names of files
     */
    public static Map<String, String> write(Report report) {
        Map<String, String> files = new LinkedHashMap<>();
        files.put("candidates.csv", candidates(report));
        files.put("timeline.csv", timeline(report));
        files.put("trade-off.csv", tradeOffs(report));
        files.put("bursts.csv", bursts(report));
        files.put("advice.csv", advice(report));
        files.put("keys.csv", keys(report));
        return files;
    }

    private static String candidates(Report report) {
        StringBuilder csv = new StringBuilder(row(
                "candidate",
                "requests",
                "denied",
                "denied_share",
                "clients",
                "clients_denied",
                "clients_denied_share"));
        for (CandidateSummary candidate : report.candidates()) {
            csv.append(row(
                    candidate.name(),
                    candidate.requests(),
                    candidate.denied(),
                    candidate.deniedShare(),
                    candidate.clients(),
                    candidate.clientsDenied(),
                    candidate.clientsDeniedShare()));
        }
        return csv.toString();
    }

    private static String timeline(Report report) {
        List<Object> head = new ArrayList<>(List.of("start_micros", "requests"));
        report.candidates().forEach(candidate -> head.add("denied by " + candidate.name()));
        StringBuilder csv = new StringBuilder(row(head.toArray()));
        for (int i = 0; i < report.timeline().requests().size(); i++) {
            List<Object> cells = new ArrayList<>();
            cells.add(report.timeline().startMicros() + i * report.timeline().widthMicros());
            cells.add(report.timeline().requests().get(i));
            int interval = i;
            report.timeline().denied().forEach(denied -> cells.add(denied.get(interval)));
            csv.append(row(cells.toArray()));
        }
        return csv.toString();
    }

    private static String tradeOffs(Report report) {
        StringBuilder csv = new StringBuilder(
                row("traffic", "period", "limit", "denied_share", "keys_touched_share", "burst_needed"));
        for (Traffic traffic : report.traffic()) {
            traffic.tradeOffs().forEach(tradeOff -> tradeOff.steps()
                    .forEach(step -> csv.append(row(
                            traffic.name(),
                            tradeOff.period(),
                            step.limit(),
                            step.deniedShare(),
                            step.touchedShare(),
                            step.burstNeeded()))));
        }
        return csv.toString();
    }

    private static String bursts(Report report) {
        StringBuilder csv = new StringBuilder(row("traffic", "period", "requests_from", "requests_to", "keys"));
        for (Traffic traffic : report.traffic()) {
            traffic.bursts().forEach(histogram -> histogram
                    .bins()
                    .forEach(bin ->
                            csv.append(row(traffic.name(), histogram.period(), bin.from(), bin.to(), bin.keys()))));
        }
        return csv.toString();
    }

    private static String advice(Report report) {
        StringBuilder csv =
                new StringBuilder(row("traffic", "period", "limit", "keys_touched", "keys", "attackers_touched"));
        for (Traffic traffic : report.traffic()) {
            for (Advice advice : traffic.advice()) {
                csv.append(row(
                        traffic.name(),
                        advice.period(),
                        advice.limit(),
                        advice.touched(),
                        advice.keys(),
                        advice.attackers()));
            }
        }
        return csv.toString();
    }

    private static String keys(Report report) {
        StringBuilder csv = new StringBuilder(
                row("traffic", "key", "requests", "denied", "busiest_minute", "error_share", "likely_attacker"));
        for (Traffic traffic : report.traffic()) {
            for (KeyRow key : traffic.topKeys()) {
                csv.append(row(
                        traffic.name(),
                        key.key(),
                        key.requests(),
                        key.denied().stream().map(String::valueOf).collect(Collectors.joining(" ")),
                        key.peakMinute(),
                        key.errorShare(),
                        key.attack()));
            }
        }
        return csv.toString();
    }

    private static String row(Object... cells) {
        return Stream.of(cells).map(CsvReport::cell).collect(Collectors.joining(",")) + "\r\n";
    }

    /** A spreadsheet would run a text that starts like a formula, and clients choose keys. */
    private static String cell(Object value) {
        String text = String.valueOf(value);
        boolean isFormula = value instanceof String && !text.isEmpty() && "=+-@\t\r".indexOf(text.charAt(0)) >= 0;
        String safe = isFormula ? "'" + text : text;
        boolean isQuoted = safe.chars().anyMatch(c -> c == '"' || c == ',' || c == '\n' || c == '\r');
        return isQuoted ? '"' + safe.replace("\"", "\"\"") + '"' : safe;
    }
}
