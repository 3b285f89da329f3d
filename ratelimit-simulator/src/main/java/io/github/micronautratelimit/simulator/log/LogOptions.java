package io.github.micronautratelimit.simulator.log;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The logs to read and how to read them.
 *
 * @param files   one file or more; {@code -} is the standard input
 * @param format  the format of all files; {@code null} to detect that of each
 * @param nginx   a format of nginx, which then is the format of all files, or {@code null}
 * @param mapped  the members of JSON objects, by {@linkplain FieldName field}
 * @param wanted  further fields to read: headers and cookies that keys contain
 * @param reorder the time by which a line may be late
 */
public record LogOptions(
        List<Path> files,
        @Nullable LogFormat format,
        @Nullable String nginx,
        Map<String, String> mapped,
        Set<String> wanted,
        Duration reorder) {

    /** The file that stands for the standard input. */
    public static final Path STANDARD_INPUT = Path.of("-");

    /** The most files: all of them are open at the same time. */
    static final int MOST_FILES = 500;

    /** Checks and copies the options. */
    public LogOptions {
        files = List.copyOf(files);
        mapped = Map.copyOf(mapped);
        wanted = Set.copyOf(wanted);
        if (files.isEmpty()) {
            throw new InvalidLogException("There is no log to read; pass files, or \"-\" for the standard input.");
        }
        if (files.size() > MOST_FILES) {
            throw new InvalidLogException("There are " + files.size() + " files, and at most " + MOST_FILES
                    + " can be merged; concatenate some of them, or pass \"-\" and write them to the standard input.");
        }
        if (files.stream().filter(STANDARD_INPUT::equals).count() > 1) {
            throw new InvalidLogException("\"-\" is passed twice, but there is one standard input; pass it once.");
        }
        if (format != null && nginx != null) {
            throw new InvalidLogException("Both --format and --log-format are passed; pass one of them.");
        }
    }
}
