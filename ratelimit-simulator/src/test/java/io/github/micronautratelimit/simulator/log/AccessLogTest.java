package io.github.micronautratelimit.simulator.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AccessLogTest {

    @TempDir
    private Path folder;

    private static String line(int second, String path) {
        return String.format(
                "192.0.2.1 - - [01/Mar/2026:10:%02d:%02d +0000] \"GET %s HTTP/1.1\" 200 1\n",
                second / 60, second % 60, path);
    }

    private Path file(String name, String... lines) throws IOException {
        return Files.writeString(folder.resolve(name), String.join("", lines));
    }

    private static LogOptions options(Duration reorder, Path... files) {
        return new LogOptions(List.of(files), null, null, Map.of(), Set.of(), reorder);
    }

    private static List<String> paths(AccessLog log) {
        List<String> paths = new ArrayList<>();
        for (AccessRecord record = log.next(); record != null; record = log.next()) {
            paths.add(record.path());
        }
        return paths;
    }

    private static AccessLog open(LogOptions options) {
        return new AccessLog(options, InputStream.nullInputStream());
    }

    @Test
    void lateLinesWithinTheWindowAreSorted() throws IOException {
        Path file = file("a.log", line(5, "/5"), line(9, "/9"), line(7, "/7"), line(5, "/5b"), line(20, "/20"));
        try (AccessLog log = open(options(Duration.ofSeconds(4), file))) {
            assertEquals(List.of("/5", "/5b", "/7", "/9", "/20"), paths(log));
            assertEquals(0, log.counts().late());
        }
    }

    @Test
    void lineLaterThanTheWindowIsCounted() throws IOException {
        Path file = file("a.log", line(5, "/5"), line(30, "/30"), line(60, "/60"), line(6, "/6"), line(61, "/61"));
        try (AccessLog log = open(options(Duration.ofSeconds(10), file))) {
            assertEquals(List.of("/5", "/30", "/6", "/60", "/61"), paths(log));
            assertEquals(1, log.counts().late());
        }
    }

    @Test
    void filesOfSeveralServersAndRotatedFilesAreMergedByTime() throws IOException {
        Path second = file("b.log", line(2, "/b2"), line(4, "/b4"), line(90, "/b90"));
        Path rotated = folder.resolve("a.log.1.gz");
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(bytes)) {
            gzip.write((line(1, "/a1") + line(3, "/a3")).getBytes(StandardCharsets.UTF_8));
        }
        Files.write(rotated, bytes.toByteArray());
        Path current = file("a.log", line(80, "/a80"), line(100, "/a100"));
        try (AccessLog log = open(options(Duration.ZERO, current, second, rotated))) {
            assertEquals(List.of("/a1", "/b2", "/a3", "/b4", "/a80", "/b90", "/a100"), paths(log));
            assertEquals(7, log.counts().requests());
            assertEquals(1.0, log.progress());
        }
    }

    @Test
    void unreadableLinesAreCountedAndTheFirstThreeAreKept() throws IOException {
        Path file = file("a.log", line(1, "/1"), "x1\n", "\n", "x2\n", line(2, "/2"), "x3\u0007\n", "x4");
        try (AccessLog log = open(options(Duration.ZERO, file))) {
            assertEquals(List.of("/1", "/2"), paths(log));
            assertEquals(7, log.counts().lines());
            assertEquals(4, log.counts().unreadable());
            assertEquals(
                    List.of(
                            new LogCounts.UnreadableLine("a.log", 2, "x1"),
                            new LogCounts.UnreadableLine("a.log", 4, "x2"),
                            new LogCounts.UnreadableLine("a.log", 6, "x3?")),
                    log.counts().firstUnreadable());
        }
    }

    @Test
    void lineWithoutEndDoesNotExhaustTheMemory() throws IOException {
        byte[] huge = new byte[5 * LineReader.MAX_LINE];
        Arrays.fill(huge, (byte) 'x');
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int i = 0; i < 60; i++) {
            bytes.write(line(i, "/" + i).getBytes(StandardCharsets.UTF_8));
        }
        bytes.write(huge);
        bytes.write(("\n" + line(99, "/last")).getBytes(StandardCharsets.UTF_8));
        Path file = Files.write(folder.resolve("huge.log"), bytes.toByteArray());
        try (AccessLog log = open(options(Duration.ZERO, file))) {
            List<String> paths = paths(log);
            assertEquals(61, paths.size());
            assertEquals("/last", paths.get(60));
            assertEquals(1, log.counts().unreadable());
        }
    }

    @Test
    void truncatedGzipIsReplayedUpToItsEnd() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(bytes)) {
            for (int i = 0; i < 3_000; i++) {
                gzip.write(line(i, "/" + (i * 7919L) % 1000).getBytes(StandardCharsets.UTF_8));
            }
        }
        Path file = Files.write(folder.resolve("t.gz"), Arrays.copyOf(bytes.toByteArray(), bytes.size() / 2));
        try (AccessLog log = open(options(Duration.ZERO, file))) {
            int read = paths(log).size();
            assertTrue(read > 100 && read < 3_000, () -> read + " lines were read.");
            assertEquals(1, log.counts().problems().size());
            assertTrue(log.counts().problems().get(0).startsWith("The file t.gz ends early after line "));
        }
    }

    @Test
    void standardInputIsRead() throws IOException {
        InputStream input = new ByteArrayInputStream(line(1, "/in").getBytes(StandardCharsets.UTF_8));
        try (AccessLog log = new AccessLog(options(Duration.ZERO, LogOptions.STANDARD_INPUT), input)) {
            assertEquals(List.of("/in"), paths(log));
            assertTrue(log.progress() < 0);
        }
    }

    private String refusal(Path... files) {
        return assertThrows(InvalidLogException.class, () -> open(options(Duration.ZERO, files)))
                .getMessage();
    }

    @Test
    void unusableFilesAreRefusedWithOneSentence() throws IOException {
        assertEquals(
                "The log empty.log is empty; pass a file that contains requests.", refusal(file("empty.log", "\n\n")));
        Path missing = folder.resolve("missing.log");
        assertEquals(
                "The log " + missing + " does not exist or is not readable; pass the path of a readable file.",
                refusal(missing));
        assertEquals(
                "The log " + folder + " is a folder; pass the files in it, such as " + folder + "/*.log.",
                refusal(folder));
        assertEquals(
                "The format of app.log is not known; pass --format, for example --format json --field time=NAME --field"
                        + " client=NAME, or --log-format with the log_format of nginx.",
                refusal(file("app.log", "INFO hello\n", "WARN world\n")));
        Path broken =
                Files.write(folder.resolve("broken.gz"), new byte[] {0x1f, (byte) 0x8b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
        assertTrue(refusal(broken).endsWith("; check its permissions and that it is plain text or gzip."));
        assertEquals(
                "There is no log to read; pass files, or \"-\" for the standard input.",
                assertThrows(InvalidLogException.class, () -> options(Duration.ZERO))
                        .getMessage());
    }
}
