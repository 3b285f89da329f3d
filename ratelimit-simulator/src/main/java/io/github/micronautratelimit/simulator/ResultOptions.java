package io.github.micronautratelimit.simulator;

import io.github.micronautratelimit.simulator.report.CsvReport;
import io.github.micronautratelimit.simulator.report.HtmlReport;
import io.github.micronautratelimit.simulator.report.JsonReport;
import io.github.micronautratelimit.simulator.report.Report;
import io.github.micronautratelimit.simulator.report.TextReport;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that say where results go, and when they are a failure. */
final class ResultOptions {

    private static final String DEFAULT_HTML = "ratelimit-report.html";

    @Option(names = "--html", paramLabel = "FILE", descriptionKey = "html", order = 20)
    private @Nullable Path html;

    @Option(names = "--json", paramLabel = "FILE", descriptionKey = "json", order = 21)
    private @Nullable Path json;

    @Option(names = "--csv", paramLabel = "FOLDER", descriptionKey = "csv", order = 22)
    private @Nullable Path csv;

    @Option(
            names = "--advise",
            paramLabel = "SHARE",
            descriptionKey = "advise",
            defaultValue = "1%",
            converter = Texts.ShareText.class,
            order = 23)
    private double advise = 0.01;

    @Option(
            names = "--fail-if-denied",
            paramLabel = "SHARE",
            descriptionKey = "fail-if-denied",
            converter = Texts.ShareText.class,
            order = 24)
    private @Nullable Double mostDenied;

    @Option(
            names = "--fail-if-clients-denied",
            paramLabel = "SHARE",
            descriptionKey = "fail-if-clients-denied",
            converter = Texts.ShareText.class,
            order = 25)
    private @Nullable Double mostClientsDenied;

    @Option(names = "--show-keys", descriptionKey = "show-keys", order = 26)
    private boolean showKeys;

    @Option(names = "--key-salt", paramLabel = "TEXT", descriptionKey = "key-salt", order = 27)
    private @Nullable String salt;

    boolean showsKeys() {
        return showKeys;
    }

    String salt(String random) {
        return salt == null ? random : salt;
    }

    /** Returns the share of keys that an advised limit may touch. */
    double advisedShare() {
        return advise;
    }

    /** Writes all reports, and the essence to the terminal. */
    void write(Report report, PrintWriter out) {
        Path page = html == null && json == null && csv == null ? Path.of(DEFAULT_HTML) : html;
        out.print(TextReport.write(report));
        if (page != null) {
            write(page, HtmlReport.write(report), out);
        }
        if (json != null) {
            write(json, JsonReport.write(report), out);
        }
        if (csv != null) {
            for (Map.Entry<String, String> file : CsvReport.write(report).entrySet()) {
                write(csv.resolve(file.getKey()), file.getValue(), out);
            }
        }
        out.flush();
    }

    private static void write(Path file, String text, PrintWriter out) {
        try {
            Path folder = file.toAbsolutePath().getParent();
            if (folder != null) {
                Files.createDirectories(folder);
            }
            Files.writeString(file, text);
        } catch (IOException e) {
            throw new InvalidInputException("The report " + file + " cannot be written (" + e.getMessage()
                    + "); pass a path in a folder that is writable.");
        }
        out.println("Written: " + file);
    }

    /** Returns whether a candidate denies more than the thresholds allow, and says so. */
    boolean isExceeded(Report report, PrintWriter err) {
        boolean exceeded = false;
        for (Report.CandidateSummary candidate : report.candidates()) {
            exceeded |= exceeds(candidate.name(), "requests", candidate.deniedShare(), mostDenied, err);
            exceeded |= exceeds(candidate.name(), "clients", candidate.clientsDeniedShare(), mostClientsDenied, err);
        }
        return exceeded;
    }

    private static boolean exceeds(String name, String what, double share, @Nullable Double most, PrintWriter err) {
        if (most == null || share <= most) {
            return false;
        }
        err.println(String.format(
                Locale.ROOT,
                "%s denies %.3f %% of %s; the threshold is %.3f %%.",
                name,
                100 * share,
                what,
                100 * most));
        return true;
    }
}
