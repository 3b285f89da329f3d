package io.github.micronautratelimit.simulator;

import io.github.micronautratelimit.simulator.policy.Candidate;
import io.github.micronautratelimit.simulator.policy.PolicyFile;
import io.github.micronautratelimit.simulator.policy.WrittenLimit;
import io.github.micronautratelimit.simulator.run.Replay;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that name the limits of a replay. */
final class LimitOptions {

    private static final String DEFAULT_KEY = "{ip}";

    @Option(names = "--limit", paramLabel = "LIMIT", descriptionKey = "limit", order = 1)
    private List<String> limits = List.of();

    @Option(names = "--policies", paramLabel = "YAML", descriptionKey = "policies", order = 2)
    private List<Path> policies = List.of();

    @Option(names = "--key", paramLabel = "KEY", descriptionKey = "key", order = 3)
    private @Nullable String key;

    @Option(names = "--path", paramLabel = "PATTERN", descriptionKey = "path", defaultValue = "/**", order = 4)
    private String path = "/**";

    @Option(names = "--apply", paramLabel = "POLICY=PATTERN", descriptionKey = "apply", order = 5)
    private Map<String, String> applied = new LinkedHashMap<>();

    /** Returns the candidates: first the files, then the limits of the command line. */
    List<Candidate> candidates() {
        List<Candidate> candidates = new ArrayList<>();
        for (Path file : policies) {
            candidates.add(PolicyFile.read(String.valueOf(file.getFileName()), text(file), applied, key));
        }
        for (String limit : limits) {
            candidates.add(WrittenLimit.read(limit, key == null ? DEFAULT_KEY : key, path));
        }
        if (candidates.isEmpty()) {
            throw new InvalidInputException(
                    "There is no limit to replay; pass --limit \"100/min\" or --policies" + " application.yml.");
        }
        if (candidates.size() > Replay.MOST_CANDIDATES) {
            throw new InvalidInputException(
                    "There are " + candidates.size() + " candidates; pass at most " + Replay.MOST_CANDIDATES + ".");
        }
        return distinct(candidates);
    }

    /** Numbers candidates of the same name. */
    private static List<Candidate> distinct(List<Candidate> candidates) {
        List<Candidate> named = new ArrayList<>();
        for (Candidate candidate : candidates) {
            long earlier = named.stream()
                    .filter(other -> other.name().equals(candidate.name())
                            || other.name().startsWith(candidate.name() + " ("))
                    .count();
            named.add(earlier == 0 ? candidate : candidate.withName(candidate.name() + " (" + (earlier + 1) + ")"));
        }
        return named;
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new InvalidInputException("The file " + file + " of --policies cannot be read as UTF-8 text; pass an"
                    + " application.yml with ratelimit.policies.");
        }
    }
}
