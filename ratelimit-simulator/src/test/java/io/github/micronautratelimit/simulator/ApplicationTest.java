package io.github.micronautratelimit.simulator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.simulator.log.AccessLog;
import io.github.micronautratelimit.simulator.log.AccessRecord;
import io.github.micronautratelimit.simulator.log.LogOptions;
import io.github.micronautratelimit.simulator.policy.Candidate;
import io.github.micronautratelimit.simulator.policy.PolicyFile;
import io.github.micronautratelimit.simulator.run.Replay;
import io.github.micronautratelimit.tck.VirtualClock;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.env.yaml.YamlPropertySourceLoader;
import io.micronaut.runtime.server.EmbeddedServer;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Sends a log to an application with the clock moved, and compares its decisions with those of a replay, one by one.
 */
class ApplicationTest {

    private static final Path LOG = Path.of("src/test/resources/apache-excerpt.log");
    private static final String FORWARDED = "X-Forwarded-For";

    @ParameterizedTest
    @ValueSource(strings = {"rules.yml", "outcomes.yml", "windows.yml", "cases-of-addresses.yml"})
    void replayDecidesAsTheApplicationOnAPublicLog(String policies) throws Exception {
        List<AccessRecord> records = new ArrayList<>();
        LogOptions options = new LogOptions(List.of(LOG), null, null, Map.of(), Set.of(), Duration.ofMinutes(1));
        try (AccessLog log = new AccessLog(options, InputStream.nullInputStream())) {
            for (AccessRecord record = log.next(); record != null; record = log.next()) {
                records.add(record);
            }
            assertEquals(0, log.counts().unreadable());
        }
        compare(policies, records);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void replayDecidesAsTheApplicationOnRandomRequests(long seed) throws Exception {
        Random random = new Random(seed);
        List<AccessRecord> records = new ArrayList<>();
        String[] paths = {"/blog/a", "/blog/b?x=1", "/images//c", "/blog/%2e%2e/login", "/login", "/health", "/login/"};
        int[] statuses = {200, 200, 401, 404, 500};
        String[] methods = {"GET", "POST", "HEAD"};
        long micros = 1_432_000_000_000_000L;
        for (int i = 0; i < 300; i++) {
            micros += random.nextLong(random.nextInt(5) == 0 ? 20_000_000 : 500_000);
            records.add(new AccessRecord(
                    micros,
                    random.nextInt(5) == 0 ? "2001:db8::" + random.nextInt(1, 9) : "192.0.2." + random.nextInt(1, 4),
                    null,
                    methods[random.nextInt(methods.length)],
                    paths[random.nextInt(paths.length)],
                    statuses[random.nextInt(statuses.length)],
                    Map.of(),
                    null));
        }
        compare("rules.yml", records);
        compare("outcomes.yml", records);
        compare("windows.yml", records);
    }

    @ParameterizedTest
    @ValueSource(longs = {4, 5, 6})
    void replayChoosesTheCasesThatTheApplicationChooses(long seed) throws Exception {
        Random random = new Random(seed);
        List<AccessRecord> records = new ArrayList<>();
        String[] clients = {
            "10.0.0.1", "192.0.2.1", "192.0.2.2", "198.51.100.1", "198.51.100.129", "203.0.113.1", "2001:db8::1"
        };
        String[] users = {"", "", "", "alice", "bob", "carol", "mallory"};
        String[] paths = {"/blog/a", "/blog/%2e%2e/login", "/login", "/images//c", "/other", "/login/"};
        String[] methods = {"GET", "GET", "POST", "HEAD"};
        int[] statuses = {200, 200, 401, 404, 500};
        long micros = 1_432_000_000_000_000L;
        for (int i = 0; i < 500; i++) {
            micros += random.nextLong(random.nextInt(5) == 0 ? 10_000_000 : 500_000);
            String user = users[random.nextInt(users.length)];
            records.add(new AccessRecord(
                    micros,
                    clients[random.nextInt(clients.length)],
                    user.isEmpty() ? null : user,
                    methods[random.nextInt(methods.length)],
                    paths[random.nextInt(paths.length)],
                    statuses[random.nextInt(statuses.length)],
                    random.nextInt(4) == 0 ? Map.of("header:x-plan", "Pro") : Map.of(),
                    null));
        }
        compare("cases.yml", records);
    }

    private static void compare(String policies, List<AccessRecord> records) throws Exception {
        String yaml = Files.readString(Path.of("src/test/resources/policies", policies));
        StringBuilder replayed = new StringBuilder();
        Candidate candidate = PolicyFile.read(policies, yaml, Map.of(), null);
        try (Replay replay = new Replay(
                List.of(candidate),
                Set.of(),
                10_000,
                (number, record, allowed) -> replayed.append(allowed ? '+' : '-'))) {
            records.forEach(replay::add);
        }
        StringBuilder decided = new StringBuilder();
        Map<String, Object> settings = new HashMap<>(new YamlPropertySourceLoader()
                .read(policies, new ByteArrayInputStream(yaml.getBytes(StandardCharsets.UTF_8))));
        settings.put("micronaut.server.port", -1);
        settings.put("ratelimit.trusted-proxies", "127.0.0.0/8,::1");
        try (EmbeddedServer server = ApplicationContext.run(EmbeddedServer.class, settings)) {
            VirtualClock clock = (VirtualClock) server.getApplicationContext().getBean(MicroClock.class);
            HttpClient client =
                    HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
            for (AccessRecord record : records) {
                clock.advance(Math.max(0, record.micros() - clock.micros()));
                decided.append(send(client, server, record) == 429 ? '-' : '+');
            }
        }
        assertEquals(decided.toString(), replayed.toString(), policies);
        long denied = decided.chars().filter(letter -> letter == '-').count();
        assertTrue(denied > 10 && denied < records.size() - 10, () -> policies + " denied " + denied);
    }

    private static int send(HttpClient client, EmbeddedServer server, AccessRecord record) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(
                        URI.create("http://localhost:" + server.getPort() + record.target()))
                .method(record.method(), HttpRequest.BodyPublishers.noBody())
                .header(FORWARDED, record.client())
                .header(Shop.STATUS, Integer.toString(record.status()));
        if (record.user() != null) {
            request.header(LoggedUserFilter.USER, record.user());
        }
        record.values().forEach((field, value) -> request.header(field.substring("header:".length()), value));
        return client.send(request.build(), HttpResponse.BodyHandlers.discarding())
                .statusCode();
    }
}
