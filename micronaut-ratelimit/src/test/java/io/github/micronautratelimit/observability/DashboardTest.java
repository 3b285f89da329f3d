package io.github.micronautratelimit.observability;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.AsyncBackend;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.hotkey.Coalescer;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.client.HttpClient;
import io.micronaut.runtime.server.EmbeddedServer;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.yaml.snakeyaml.Yaml;

/** The Grafana dashboard, the alert rules and the documentation agree with the metrics of running applications. */
class DashboardTest {

    private static final Path DOCS = Path.of("..", "docs");
    private static final Pattern NAME = Pattern.compile("\\bratelimit_[a-z_]+");
    private static final Pattern SELECTOR = Pattern.compile("\\b(ratelimit_[a-z_]+)\\{([^}]*)}");
    private static final Pattern LABEL = Pattern.compile("([a-z_]+)=");
    private static final Pattern TYPE = Pattern.compile("# TYPE (ratelimit_\\w+) \\w+");
    private static final Pattern SAMPLE = Pattern.compile("(ratelimit_\\w+)(?:\\{(.*)})? \\S+");
    /** The labels that Prometheus adds. */
    private static final Set<String> TARGET = Set.of("instance", "job");

    /** The metrics, by their documented names. */
    private final Set<String> names = new TreeSet<>();

    /** The labels of each sample. */
    private final Map<String, Set<String>> labels = new TreeMap<>();

    private void run(Map<String, Object> settings, Consumer<EmbeddedServer> traffic) {
        Map<String, Object> all =
                new TreeMap<>(Map.of("spec", "DashboardTest", "endpoints.prometheus.sensitive", false));
        all.putAll(settings);
        try (EmbeddedServer server = ApplicationContext.run(EmbeddedServer.class, all, "test");
                HttpClient client = HttpClient.create(server.getURL())) {
            traffic.accept(server);
            client.toBlocking().retrieve("/prometheus").lines().forEach(this::read);
        }
    }

    private void read(String line) {
        Matcher type = TYPE.matcher(line);
        if (type.matches() && !type.group(1).endsWith("_max")) {
            names.add(type.group(1));
        }
        Matcher sample = SAMPLE.matcher(line);
        if (sample.matches()) {
            Set<String> found = labels.computeIfAbsent(sample.group(1), name -> new TreeSet<>());
            Matcher label = LABEL.matcher(sample.group(2) == null ? "" : sample.group(2));
            while (label.find()) {
                found.add(label.group(1));
            }
        }
    }

    private static void traffic(EmbeddedServer server) {
        RateLimiter limiter = server.getApplicationContext().getBean(RateLimiter.class);
        for (int i = 0; i < 4; i++) {
            limiter.tryAcquire(Policy.of("some", "2/day"), "key");
        }
    }

    /** Runs an application with the memory backend and one with a store. */
    private void runAll() {
        run(Map.of("ratelimit.clients.partner.limits", "1/s"), DashboardTest::traffic);
        run(Map.of("ratelimit.backend", "coalesced", "ratelimit.deadline", "30s"), DashboardTest::traffic);
        assertTrue(names.size() > 10, names::toString);
    }

    private static List<String> expressions(Object tree, List<String> found) {
        if (tree instanceof Map<?, ?> map) {
            map.forEach((key, value) -> {
                if (Set.of("expr", "definition").contains(key)) {
                    found.add(value.toString());
                }
                expressions(value, found);
            });
        } else if (tree instanceof Iterable<?> list) {
            list.forEach(element -> expressions(element, found));
        }
        return found;
    }

    private void assertPresent(List<String> expressions) {
        for (String expression : expressions) {
            Matcher name = NAME.matcher(expression);
            while (name.find()) {
                assertTrue(labels.containsKey(name.group()), () -> name.group() + " does not exist, in " + expression);
            }
            Matcher selector = SELECTOR.matcher(expression);
            while (selector.find()) {
                Matcher label = LABEL.matcher(selector.group(2));
                while (label.find()) {
                    assertTrue(
                            TARGET.contains(label.group(1))
                                    || labels.get(selector.group(1)).contains(label.group(1)),
                            () -> label.group(1) + " is not a label of " + selector.group(1) + ", in " + expression);
                }
            }
        }
    }

    @Test
    void theDashboardUsesExistingMetrics() throws IOException {
        runAll();
        Object dashboard = new Yaml().load(Files.readString(DOCS.resolve("grafana/ratelimit-dashboard.json")));
        List<String> expressions = expressions(dashboard, new ArrayList<>());
        assertTrue(expressions.size() > 20, expressions::toString);
        assertPresent(expressions);
    }

    @Test
    void theAlertsUseExistingMetrics() throws IOException {
        runAll();
        Object rules = new Yaml().load(Files.readString(DOCS.resolve("grafana/ratelimit-alerts.yml")));
        List<String> expressions = expressions(rules, new ArrayList<>());
        assertEquals(7, expressions.size());
        assertPresent(expressions);
    }

    @Test
    void queriesOfTheGuideUseExistingMetrics() throws IOException {
        runAll();
        for (String chapter : List.of("alerts.adoc", "capacity.adoc", "service-levels.adoc", "shadow-mode.adoc")) {
            String text = Files.readString(DOCS.resolve(chapter));
            assertTrue(SELECTOR.matcher(text).find() || NAME.matcher(text).find(), chapter);
            assertPresent(List.of(text));
        }
    }

    @Test
    void theDashboardShowsAllMetrics() throws IOException {
        runAll();
        String dashboard = Files.readString(DOCS.resolve("grafana/ratelimit-dashboard.json"));
        Set<String> missing = new TreeSet<>(names);
        missing.removeIf(name -> dashboard.contains(name));
        // The ratio since the start is shown as the ratio of the present rates.
        missing.remove("ratelimit_coalescing_ratio");
        assertEquals(Set.of(), missing);
    }

    @Test
    void theDocumentationListsAllMetricsAndNoOthers() throws IOException {
        runAll();
        Set<String> documented = new TreeSet<>();
        for (String line : Files.readAllLines(DOCS.resolve("observability.adoc"))) {
            Matcher row = Pattern.compile("\\|`ratelimit\\.[a-z.]+` \\|`\\+?(\\w+?)\\+?` \\|([a-z_, ]*) *\\|.*")
                    .matcher(line);
            if (row.matches()) {
                documented.add(row.group(1));
                Set<String> tags = row.group(2).isBlank()
                        ? Set.of()
                        : Set.of(row.group(2).trim().split(", "));
                String sample = labels.containsKey(row.group(1)) ? row.group(1) : row.group(1) + "_count";
                assertEquals(tags, labels.get(sample), row.group(1));
            }
        }
        assertEquals(names, documented);
    }

    /** A store with coalesced calls. */
    @Factory
    @Requires(property = "spec", value = "DashboardTest")
    static class Stores {

        @Singleton
        @Named("coalesced")
        @Requires(property = "ratelimit.backend", value = "coalesced")
        RateLimitBackend coalesced(MicroClock clock) {
            return new Coalescer(new AsyncBackend(clock), Duration.ofSeconds(30));
        }
    }
}
