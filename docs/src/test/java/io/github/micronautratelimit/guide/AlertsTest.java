package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.yaml.snakeyaml.Yaml;

/** Checks that every alert has its runbook, and every runbook its alert. */
class AlertsTest {

    private static final String RUNBOOKS =
            "https://github.com/micronautratelimit/micronaut-ratelimit/blob/main/docs/alerts.adoc#";
    private static final Pattern SECTION = Pattern.compile("^\\[#(\\S+)]\\n== (\\S+)\\n(.*?)(?=^\\[#|\\z)", flags());
    private static final List<String> PARTS = List.of("*Meaning.*", "*Confirm.*", "*Action.*", "*Harmless*");

    private static int flags() {
        return Pattern.MULTILINE | Pattern.DOTALL;
    }

    /** Returns the annotations of each alert by its name. */
    private static Map<String, Map<?, ?>> alerts() throws IOException {
        Map<?, ?> file = new Yaml().load(Files.readString(Path.of("grafana/ratelimit-alerts.yml")));
        return list(file, "groups")
                .flatMap(group -> list(group, "rules"))
                .collect(Collectors.toMap(rule -> String.valueOf(rule.get("alert")), rule ->
                        (Map<?, ?>) Objects.requireNonNull(rule.get("annotations"))));
    }

    private static Stream<Map<?, ?>> list(Map<?, ?> parent, String name) {
        return ((List<?>) Objects.requireNonNull(parent.get(name))).stream().map(child -> (Map<?, ?>) child);
    }

    @Test
    void everyAlertNamesItsRunbook() throws IOException {
        Map<String, Map<?, ?>> alerts = alerts();
        assertFalse(alerts.isEmpty());
        alerts.forEach((name, annotations) ->
                assertEquals(RUNBOOKS + name.toLowerCase(Locale.ROOT), annotations.get("runbook_url"), name));
    }

    @Test
    void alertsAndRunbooksAreTheSame() throws IOException {
        List<String> sections = SECTION.matcher(Files.readString(Path.of("alerts.adoc")))
                .results()
                .peek(found -> assertEquals(found.group(2).toLowerCase(Locale.ROOT), found.group(1), "the anchor"))
                .map(found -> found.group(2))
                .sorted()
                .toList();
        assertEquals(alerts().keySet().stream().sorted().toList(), sections);
    }

    @Test
    void everyRunbookSaysWhatToDoAndWhenTheAlertIsHarmless() throws IOException {
        SECTION.matcher(Files.readString(Path.of("alerts.adoc")))
                .results()
                .forEach(found -> assertEquals(
                        PARTS,
                        PARTS.stream()
                                .filter(part -> found.group(3).contains("\n" + part + " ")
                                        || found.group(3).contains("\n" + part + "\n"))
                                .toList(),
                        found.group(2)));
    }
}
