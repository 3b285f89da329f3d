package io.github.micronautratelimit.simulator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class CommandLineTest {

    private static final String LOG = "src/test/resources/apache-excerpt.log";
    private static final String REORDER = "--reorder=1min";

    @TempDir
    private Path folder;

    private record Result(int code, String out, String err) {}

    private Result run(String... arguments) {
        return runWith("", arguments);
    }

    private Result runWith(String input, String... arguments) {
        CommandLine line = Simulator.commandLine(
                new ReplayCommand(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)), false));
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        line.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
        return new Result(line.execute(arguments), out.toString(), err.toString());
    }

    private Path file(String name, String text) throws IOException {
        return Files.writeString(folder.resolve(name), text);
    }

    private String html() {
        return "--html=" + folder.resolve("report.html");
    }

    private void assertRefused(String sentence, String... arguments) {
        Result result =
                run(Stream.concat(Stream.of(arguments), Stream.of(html())).toArray(String[]::new));
        assertEquals(2, result.code, result.err);
        assertEquals(
                sentence,
                result.err
                        .lines()
                        .filter(line -> !line.contains(": unreadable line: "))
                        .findFirst()
                        .orElse(""));
        assertFalse(Files.exists(folder.resolve("report.html")));
    }

    @Test
    void replayWritesAllReports() throws IOException {
        Path json = folder.resolve("report.json");
        Path csv = folder.resolve("tables");
        Result result = run(LOG, "--limit=10/min", "--limit=30/min", REORDER, html(), "--json=" + json, "--csv=" + csv);
        assertEquals(0, result.code, result.err);
        assertEquals("", result.err);
        assertTrue(result.out.startsWith("400 requests of 47 clients, 2015-05-19 22:05:"), result.out);
        String page = Files.readString(folder.resolve("report.html"));
        assertTrue(page.startsWith("<!DOCTYPE html>"));
        assertFalse(
                page.contains("http://") || page.contains("https://") || page.contains("<script"), "outside resources");
        assertFalse(page.contains("198.51.100."), "addresses");
        try (JsonParser parser = new JsonFactory().createParser(json.toFile())) {
            while (parser.nextToken() != null) {
                assertFalse(parser.getText().contains("198.51.100."), "addresses");
            }
        }
        List<String> candidates = Files.readAllLines(csv.resolve("candidates.csv"));
        assertEquals(3, candidates.size());
        assertTrue(candidates.get(1).startsWith("10/min,400,"), candidates.get(1));
        for (String table : List.of("timeline", "trade-off", "bursts", "advice", "keys")) {
            assertTrue(Files.readAllLines(csv.resolve(table + ".csv")).size() > 1, table);
        }
    }

    @Test
    void keysAreShownIfTheOperatorWantsThem() throws IOException {
        run(LOG, "--limit=10/min", REORDER, "--show-keys", html());
        assertTrue(Files.readString(folder.resolve("report.html")).contains("198.51.100.8"));
    }

    @Test
    void sameSaltGivesSameHashes() throws IOException {
        run(LOG, "--limit=10/min", "--key-salt=pepper", html());
        String first = Files.readString(folder.resolve("report.html"));
        run(LOG, "--limit=10/min", "--key-salt=pepper", html());
        assertEquals(first, Files.readString(folder.resolve("report.html")));
        run(LOG, "--limit=10/min", html());
        assertFalse(first.equals(Files.readString(folder.resolve("report.html"))));
    }

    @Test
    void exitCodeTellsWhetherAThresholdIsExceeded() {
        Result strict = run(LOG, "--limit=10/min", REORDER, "--fail-if-denied=0.1%", html());
        assertEquals(1, strict.code);
        assertTrue(
                strict.err.contains("10/min denies ") && strict.err.contains("; the threshold is 0.100 %."),
                strict.err);
        assertEquals(0, run(LOG, "--limit=10000/min", "--fail-if-denied=0.1%", html()).code);
        assertEquals(1, run(LOG, "--limit=10/min", REORDER, "--fail-if-clients-denied=1%", html()).code);
        assertEquals(0, run(LOG, "--limit=10/min", REORDER, "--fail-if-clients-denied=99%", html()).code);
    }

    @Test
    void badInputIsRefusedWithOneSentenceThatSaysWhatToPass() throws IOException {
        assertRefused("There is no limit to replay; pass --limit \"100/min\" or --policies application.yml.", LOG);
        assertRefused("There is no log to read; pass files, or \"-\" for the standard input.", "--limit=1/s");
        assertRefused("Unknown option: '--limt=1/s'.", "--limt=1/s", LOG);
        assertRefused(
                "Invalid value for option '--fail-if-denied': \"0.1\" is not a share; write a percentage from 0%"
                        + " to 100%, such as 0.1%.",
                "--limit=1/s", LOG, "--fail-if-denied=0.1");
        assertRefused(
                "The log combined.log contains no header x-tenant, which {header:X-Tenant} of a policy needs; pass a log"
                        + " with it, for example JSON with --field header:x-tenant=NAME, or pass --key \"{ip}\".",
                "--limit=1/s",
                "--key={header:X-Tenant}",
                file("combined.log", Files.readString(Path.of(LOG))).toString());
        assertRefused(
                "No line of the log contains user, which {principal} of a policy needs; pass a log with it, for example"
                        + " JSON with --field user=NAME, or pass --key \"{ip}\".",
                "--limit=1/s",
                "--key={principal}",
                LOG);
        assertRefused(
                "The policy \"limit\" of 1/s cannot be replayed, because no access log contains {path:id}; pass --key with"
                        + " a key such as \"{ip}\", or record the decisions of the application with"
                        + " ratelimit.record.path.",
                "--limit=1/s",
                "--key={path:id}",
                LOG);
        assertRefused(
                "The policy \"a\" of roles.yml cannot be replayed, because no access log contains {role}; pass a copy of"
                        + " the file without the case, or record the decisions of the application with"
                        + " ratelimit.record.path.",
                "--policies=" + file("roles.yml", "ratelimit.policies.a: {limits: 1/s, cases: [\"role:gold: 2/s\"]}"),
                "--key={ip}",
                LOG);
        assertRefused(
                "The log plans.log contains no header x-plan, which {header:x-plan} of a case of a policy needs; pass a log"
                        + " with it, for example JSON with --field header:x-plan=NAME, or pass a copy of the policies"
                        + " without the case.",
                "--policies="
                        + file("plans.yml", "ratelimit.policies.a: {limits: 1/s, cases: [\"header:X-Plan=pro: 2/s\"]}"),
                file("plans.log", Files.readString(Path.of(LOG))).toString());
        assertRefused(
                "No line of the log contains user, which {principal} of a case of a policy needs; pass a log with it, for"
                        + " example JSON with --field user=NAME, or pass a copy of the policies without the case.",
                "--policies="
                        + file(
                                "users.yml",
                                "ratelimit.policies.a: {limits: 1/s, cases: [\"anonymous: 2/s by {principal-or-ip}\"]}"),
                LOG);
        assertRefused(
                "None of the 2 lines contains a request; pass --format, or --log-format with the log_format of nginx.",
                "--limit=1/s",
                "--format=alb",
                file("text.log", "a\nb\n").toString());
        assertRefused(
                "--field when is unknown; write one of time, client, user, method, path, request, status, header:NAME or"
                        + " cookie:NAME.",
                "--limit=1/s",
                "--field=when=x",
                LOG);
        assertRefused(
                "--limit \"5 concurrent\" cannot be replayed, because a log does not say how long requests took; pass a"
                        + " rate limit, such as \"100/min\".",
                "--limit=5 concurrent",
                LOG);
    }

    @Test
    void casesAndKeysThatNoAccessLogContainsAreReplayedFromRecordedDecisions() throws IOException {
        String line = "{\"t\":1772323200000000,\"policy\":\"a:role:gold\",\"key\":\"k\",\"permits\":1,"
                + "\"outcome\":\"allowed\"}\n";
        Path csv = folder.resolve("tables");
        Result result = run(
                file("decisions.jsonl", line.repeat(3)).toString(),
                "--policies="
                        + file(
                                "recorded.yml",
                                "ratelimit.policies.a: {limits: 1/s, key: \"{path:id}\", cases: [\"role:gold: 2/h\"]}"),
                html(),
                "--csv=" + csv);
        assertEquals(0, result.code, result.err);
        assertTrue(
                Files.readAllLines(csv.resolve("candidates.csv")).get(1).startsWith("recorded.yml,3,1,"),
                Files.readString(csv.resolve("candidates.csv")));
    }

    @Test
    void unreadableLinesAreShownWithTheirNumbers() throws IOException {
        String line = "192.0.2.1 - - [01/Mar/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 1\n";
        Result result = runWith(line + "torn <b>line\n" + line, "--limit=1/s", html(), "-");
        assertEquals(0, result.code);
        assertEquals("standard input:2: unreadable line: torn <b>line", result.err.strip());
        String page = Files.readString(folder.resolve("report.html"));
        assertTrue(page.contains("Line 2 of standard input is unreadable."));
        assertTrue(page.contains("<b>1</b> unreadable lines"));
    }

    @Test
    void pathsAndKeysOfAttackersCannotInjectMarkup() throws IOException {
        String line = "<script>alert(1)</script> - - [01/Mar/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 1\n";
        runWith(line + line, "--limit=1/s", "--show-keys", html(), "--csv=" + folder, "-");
        String page = Files.readString(folder.resolve("report.html"));
        assertFalse(page.contains("<script>"));
        assertTrue(page.contains("&lt;script&gt;"));
        String formula = "=HYPERLINK(1) - - [01/Mar/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 1\n";
        runWith(formula + formula, "--limit=1/s", "--show-keys", "--csv=" + folder, "-");
        assertTrue(Files.readString(folder.resolve("keys.csv")).contains(",'=HYPERLINK(1),"));
    }

    @Test
    void helpTeachesByExample() {
        Result help = run("--help");
        assertEquals(0, help.code);
        for (String text :
                List.of("--limit 100/min access.log", "Exit codes: 0 all is well", "--fail-if-denied 0.1%")) {
            assertTrue(help.out.contains(text), () -> "The help lacks " + text + ": " + help.out);
        }
        assertTrue(help.out.lines().allMatch(line -> line.length() <= 100));
        assertTrue(run("--version").out.startsWith("ratelimit-simulator "));
    }

    /**
     * A real process, because only the virtual machine turns a signal into an orderly end. It treats the signal of a
     * terminal's interrupt in the same way, but ignores that one if the build runs in the background.
     */
    @Test
    @DisabledOnOs(OS.WINDOWS)
    void signalToEndWritesAPartialReport() throws Exception {
        Path page = folder.resolve("partial.html");
        Process process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:+UseSerialGC",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Simulator.class.getName(),
                        "--limit=1/min",
                        "--progress",
                        "--html=" + page,
                        "-"))
                .redirectErrorStream(true)
                .start();
        List<String> output = new ArrayList<>();
        Thread reader = new Thread(() -> process.inputReader().lines().forEach(output::add));
        reader.start();
        boolean wasSent = false;
        try (OutputStream log = process.getOutputStream()) {
            for (int i = 0; process.isAlive() && i < 20_000_000; i++) {
                log.write(String.format(
                                Locale.ROOT,
                                "192.0.2.%d - - [01/Mar/2026:10:%02d:%02d +0000] \"GET / HTTP/1.1\" 200 1%n",
                                i % 50,
                                i / 60_000 % 60,
                                i / 1_000 % 60)
                        .getBytes(StandardCharsets.UTF_8));
                if (i == 200_000) {
                    log.flush();
                    new ProcessBuilder("kill", "-TERM", Long.toString(process.pid()))
                            .start()
                            .waitFor();
                    wasSent = true;
                }
            }
        } catch (IOException e) {
            assertTrue(wasSent, "The process ended before the signal: " + e);
        }
        assertTrue(process.waitFor(60, TimeUnit.SECONDS));
        reader.join(10_000);
        assertEquals(143, process.exitValue(), () -> String.join("\n", output));
        assertTrue(Files.readString(page).contains("The replay was interrupted; this report is partial."));
    }
}
