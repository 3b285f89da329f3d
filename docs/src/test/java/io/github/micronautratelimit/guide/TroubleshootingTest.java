package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.web.ConfigurationWarning;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Checks that the guide explains every warning and every error in the log. */
class TroubleshootingTest {

    private static final String LITERAL = "\"(?:[^\"\\\\]|\\\\.)*\"";
    private static final String VALUE = "[\\w.]+(?:\\(\\))?";

    /** A call with a literal, or with literals and values joined by {@code +}, over any number of lines. */
    private static final Pattern LOGGED = Pattern.compile(
            "LOG\\s*\\.\\s*(warn|error)\\(\\s*(" + LITERAL + "(?:\\s*\\+\\s*(?:" + LITERAL + "|" + VALUE + "))*)");

    private static final Pattern TERM = Pattern.compile("(" + LITERAL + ")|" + VALUE);
    private static final Pattern ROW = Pattern.compile("^\\|`\\+((?:WARN|ERROR) .*?)\\+`", Pattern.MULTILINE);
    private static final Pattern CHAPTER = Pattern.compile("docs/([a-z-]+\\.(?:adoc|md))(?:#([a-z0-9-]+))?");
    private static final List<String> MODULES = List.of(
            "ratelimit-core",
            "ratelimit-web",
            "ratelimit-servlet",
            "micronaut-ratelimit",
            "micronaut-ratelimit-management",
            "micronaut-ratelimit-grpc",
            "backend-redis",
            "backend-hazelcast",
            "backend-dynamodb");

    @Test
    void everyWarningCodeHasASection() throws IOException {
        String warnings = Files.readString(Path.of("warnings.adoc"));
        List<String> missing = Arrays.stream(ConfigurationWarning.values())
                .map(ConfigurationWarning::code)
                .filter(code -> !warnings.contains("[#" + code.toLowerCase(Locale.ROOT) + "]\n== " + code + "\n"))
                .toList();
        assertEquals(List.of(), missing);
    }

    @Test
    void everyMessageHasARow() throws IOException {
        List<String> rows = rows();
        List<String> messages = messages();
        assertFalse(messages.size() < 20, () -> "The search finds only " + messages);
        assertEquals(
                List.of(),
                messages.stream()
                        .filter(message -> rows.stream().noneMatch(row -> overlap(message, row)))
                        .toList(),
                "Messages without a row in troubleshooting.adoc");
    }

    @Test
    void everyRowIsAMessage() throws IOException {
        List<String> messages = messages();
        assertEquals(
                List.of(),
                rows().stream()
                        .filter(row -> messages.stream().noneMatch(message -> overlap(message, row)))
                        .toList(),
                "Rows in troubleshooting.adoc that no message matches");
    }

    @Test
    void searchFindsWrappedAndJoinedMessages() {
        assertEquals(
                List.of("WARN The \"{}\" failed: {}. Retrying."),
                messagesIn("LOG.warn(\n    \"The \\\"{}\\\" failed: \"\n    + e.getMessage() + \". Retrying.\");"));
        assertTrue(overlap("WARN The {} failed: {}. Retrying.", "WARN The store failed: timeout. ..."));
        assertFalse(overlap("WARN The {} failed: {}. Retrying.", "ERROR The store failed: timeout. Retrying."));
        assertFalse(overlap("WARN The {} failed.", "WARN The store has failed before."));
    }

    @Test
    void chaptersNamedInMessagesExist() throws IOException {
        List<String> broken = sources()
                .flatMap(text -> CHAPTER.matcher(text).results())
                .filter(found -> !exists(found.group(1), found.group(2)))
                .map(MatchResult::group)
                .toList();
        assertEquals(List.of(), broken);
    }

    private static boolean exists(String file, String anchor) {
        try {
            Path chapter = Path.of(file);
            return Files.exists(chapter)
                    && (anchor == null || Files.readString(chapter).contains("[#" + anchor + "]"));
        } catch (IOException e) {
            return false;
        }
    }

    /** Returns the messages of the table, with {@code ...} for omitted text. */
    private static List<String> rows() throws IOException {
        return ROW.matcher(Files.readString(Path.of("troubleshooting.adoc")))
                .results()
                .map(found -> found.group(1))
                .toList();
    }

    private static List<String> messages() throws IOException {
        return sources().flatMap(text -> messagesIn(text).stream()).distinct().toList();
    }

    /** Returns the messages that a source logs, each with its level and with {@code {}} for values. */
    private static List<String> messagesIn(String source) {
        return LOGGED.matcher(source)
                .results()
                .map(found -> found.group(1).toUpperCase(Locale.ROOT) + " " + joined(found.group(2)))
                .toList();
    }

    private static String joined(String expression) {
        StringBuilder message = new StringBuilder();
        TERM.matcher(expression).results().forEach(term -> {
            String literal = term.group(1);
            message.append(
                    literal == null
                            ? "{}"
                            : literal.substring(1, literal.length() - 1).replace("\\\"", "\""));
        });
        return message.toString();
    }

    /** Returns whether a message and a row can be the same text. {@code {}} and {@code ...} stand for any text. */
    private static boolean overlap(String message, String row) {
        String first = message.replace("{}", "\0");
        String second = row.replace("....", "\0").replace("...", "\0");
        boolean[][] equal = new boolean[first.length() + 1][second.length() + 1];
        equal[0][0] = true;
        for (int i = 0; i <= first.length(); i++) {
            for (int j = 0; j <= second.length(); j++) {
                boolean anyOfFirst = i > 0 && first.charAt(i - 1) == '\0';
                boolean anyOfSecond = j > 0 && second.charAt(j - 1) == '\0';
                equal[i][j] |= i > 0 && (anyOfFirst || anyOfSecond) && equal[i - 1][j]
                        || j > 0 && (anyOfFirst || anyOfSecond) && equal[i][j - 1]
                        || i > 0 && j > 0 && first.charAt(i - 1) == second.charAt(j - 1) && equal[i - 1][j - 1];
            }
        }
        return equal[first.length()][second.length()];
    }

    private static Stream<String> sources() throws IOException {
        Stream<String> texts = Stream.empty();
        for (String module : MODULES) {
            try (Stream<Path> files = Files.walk(Path.of("..", module, "src/main/java"))) {
                List<Path> sources =
                        files.filter(file -> file.toString().endsWith(".java")).toList();
                for (Path source : sources) {
                    texts = Stream.concat(texts, Stream.of(Files.readString(source)));
                }
            }
        }
        return texts;
    }
}
