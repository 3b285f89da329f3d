package io.github.micronautratelimit.simulator;

import io.github.micronautratelimit.simulator.log.AccessLog;
import io.github.micronautratelimit.simulator.log.AccessRecord;
import io.github.micronautratelimit.simulator.log.FieldName;
import io.github.micronautratelimit.simulator.log.InvalidLogException;
import io.github.micronautratelimit.simulator.log.LogCounts;
import io.github.micronautratelimit.simulator.log.LogFormat;
import io.github.micronautratelimit.simulator.log.LogOptions;
import io.github.micronautratelimit.simulator.policy.Candidate;
import io.github.micronautratelimit.simulator.policy.RequiredFields;
import io.github.micronautratelimit.simulator.report.Report;
import io.github.micronautratelimit.simulator.run.KeyNames;
import io.github.micronautratelimit.simulator.run.Replay;
import io.github.micronautratelimit.simulator.run.ReplaySummary;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Replays logs under limits and writes reports. */
@Command(
        name = "ratelimit-simulator",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        customSynopsis = "ratelimit-simulator [OPTIONS] LOG...%n       ratelimit-simulator convert --help",
        usageHelpWidth = 100,
        resourceBundle = "io.github.micronautratelimit.simulator.help",
        subcommands = ConvertCommand.class)
final class ReplayCommand implements Callable<Integer> {

    private static final Duration REPORT_TIME = Duration.ofSeconds(60);
    private static final int FEWEST_KEYS = 1_000;

    @Parameters(arity = "0..*", paramLabel = "LOG", descriptionKey = "logs")
    private List<Path> logs = List.of();

    @ArgGroup(exclusive = false, validate = false, heading = "%nLimits to replay%n")
    private LimitOptions limits = new LimitOptions();

    @Option(names = "--format", paramLabel = "NAME", descriptionKey = "format", order = 10)
    private @Nullable String format;

    @Option(names = "--log-format", paramLabel = "TEXT", descriptionKey = "log-format", order = 11)
    private @Nullable String nginx;

    @Option(names = "--field", paramLabel = "FIELD=NAME", descriptionKey = "field", order = 12)
    private Map<String, String> fields = new LinkedHashMap<>();

    @Option(
            names = "--reorder",
            paramLabel = "TIME",
            descriptionKey = "reorder",
            defaultValue = "10s",
            converter = Texts.DurationText.class,
            order = 13)
    private Duration reorder = Duration.ofSeconds(10);

    @ArgGroup(exclusive = false, validate = false, heading = "%nResults%n")
    private ResultOptions results = new ResultOptions();

    @Option(names = "--max-keys", paramLabel = "N", descriptionKey = "max-keys", order = 40)
    private int maxKeys;

    @Option(names = "--progress", negatable = true, descriptionKey = "progress", order = 41)
    private @Nullable Boolean progress;

    @Spec
    private @Nullable CommandSpec spec;

    private final InputStream input;
    private final boolean isTerminal;
    private final CountDownLatch ended = new CountDownLatch(1);
    private volatile boolean started;
    private volatile boolean interrupted;

    /**
     * Creates the command.
     *
     * @param input      the standard input
     * @param isTerminal whether a person looks at the output
     */
    ReplayCommand(InputStream input, boolean isTerminal) {
        this.input = input;
        this.isTerminal = isTerminal;
    }

    /** Returns the standard input. */
    InputStream input() {
        return input;
    }

    /** Ends the replay early, and waits until the partial report is written. */
    void interrupt() {
        interrupted = true;
        try {
            if (started && !ended.await(REPORT_TIME.toSeconds(), TimeUnit.SECONDS)) {
                System.err.println("The partial report is not written, because reading the log does not end.");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public Integer call() throws IOException {
        started = true;
        try {
            return replay();
        } finally {
            ended.countDown();
        }
    }

    private int replay() throws IOException {
        List<Candidate> candidates = limits.candidates();
        Map<String, RequiredFields.Need> required = RequiredFields.of(candidates);
        int mostKeys = maxKeys > 0 ? maxKeys : defaultMaxKeys(candidates);
        try (AccessLog log = new AccessLog(logOptions(required), input);
                Replay replay = new Replay(candidates, required.keySet(), mostKeys, Replay.NO_OBSERVER)) {
            if (!log.isRecorded()) {
                RequiredFields.requireLogged(candidates);
            }
            required.forEach((field, need) -> {
                String file = log.fileWithout(field);
                if (file != null) {
                    throw new InvalidInputException(missing(file, field, need));
                }
            });
            run(log, replay);
            List<String> notes = notes(log, replay, required);
            Report report = new ReplaySummary(
                            replay,
                            new KeyNames(
                                    results.showsKeys(),
                                    results.salt(UUID.randomUUID().toString())),
                            results.advisedShare())
                    .report(names(), log.counts(), notes, interrupted);
            results.write(report, out());
            return results.isExceeded(report, err()) ? Simulator.EXCEEDED : 0;
        }
    }

    private LogOptions logOptions(Map<String, RequiredFields.Need> required) {
        Map<String, String> mapped = new LinkedHashMap<>();
        fields.forEach((field, name) -> mapped.put(FieldName.parse(field), name));
        return new LogOptions(
                logs,
                format == null ? null : LogFormat.parse(format),
                nginx,
                mapped,
                RequiredFields.values(required.keySet()),
                reorder);
    }

    /** Leaves half of the memory to decisions, sorting and the report. */
    private static int defaultMaxKeys(List<Candidate> candidates) {
        long rules = candidates.stream()
                .flatMap(candidate -> candidate.rules().stream())
                .mapToLong(rule -> rule.variants().size())
                .sum();
        long bytes = Replay.bytesPerKey(candidates.size()) * Math.max(1, rules);
        return (int)
                Math.max(FEWEST_KEYS, Math.min(50_000_000, Runtime.getRuntime().maxMemory() / 2 / bytes));
    }

    private void run(AccessLog log, Replay replay) {
        Progress shown = new Progress(err(), progress == null ? isTerminal : progress);
        AccessRecord record = log.next();
        while (record != null && !interrupted) {
            replay.add(record);
            if (shown.isDue(replay.requests())) {
                shown.show(replay.requests(), log.progress());
            }
            record = log.next();
        }
        shown.clear();
    }

    private List<String> notes(AccessLog log, Replay replay, Map<String, RequiredFields.Need> required) {
        LogCounts counts = log.counts();
        List<String> notes = new ArrayList<>(counts.problems());
        for (LogCounts.UnreadableLine line : counts.firstUnreadable()) {
            err().println(line.file() + ":" + line.number() + ": unreadable line: " + line.text());
            notes.add("Line " + line.number() + " of " + line.file() + " is unreadable.");
        }
        if (replay.requests() == 0) {
            throw new InvalidLogException("None of the " + counts.lines()
                    + " lines contains a request; pass --format, or" + " --log-format with the log_format of nginx.");
        }
        if (counts.late() > 0) {
            notes.add(counts.late() + " requests were late by more than --reorder; they were decided at the time of the"
                    + " latest request before them.");
        }
        for (String field : replay.unseen()) {
            RequiredFields.Need need = required.get(field);
            if (need == null || !need.isOptional()) {
                throw new InvalidInputException(missing("", field, need));
            }
            notes.add("No line names a user, so {principal-or-ip} was the address of every request.");
        }
        return notes;
    }

    private static String missing(String file, String field, RequiredFields.@Nullable Need need) {
        String where = file.isEmpty() ? "No line of the log contains " : "The log " + file + " contains no ";
        boolean isOfCase = need != null && need.isOfCase();
        return where + field.replace(":", " ") + ", which " + (need == null ? "a policy" : need.text())
                + " needs; pass a log with it, for example JSON with --field " + field + "=NAME, or pass "
                + (isOfCase ? "a copy of the policies without the case." : "--key \"{ip}\".");
    }

    private List<String> names() {
        return logs.stream()
                .map(log ->
                        log.equals(LogOptions.STANDARD_INPUT) ? "standard input" : String.valueOf(log.getFileName()))
                .toList();
    }

    private CommandSpec spec() {
        if (spec == null) {
            throw new IllegalStateException("The command does not run by way of a command line.");
        }
        return spec;
    }

    private PrintWriter out() {
        return spec().commandLine().getOut();
    }

    private PrintWriter err() {
        return spec().commandLine().getErr();
    }
}
