package io.github.micronautratelimit.simulator.log;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The known formats of logs. */
public enum LogFormat {

    /** Decisions that an application has recorded. */
    RECORDED("recorded"),
    /** One JSON object per line. */
    JSON("json"),
    /** The extended log file format of the W3C, with a line {@code #Fields}. */
    CLOUDFRONT("cloudfront"),
    /** An AWS Application Load Balancer. */
    ALB("alb"),
    /** The common and the combined log format. */
    COMBINED("combined");

    private static final int SAMPLE = 50;

    private final String word;

    LogFormat(String word) {
        this.word = word;
    }

    /**
     * Returns the format of a name.
     *
     * @param text the name as {@code --format} writes it; {@code common} means the combined format, and {@code w3c} the
     *             one of CloudFront
     * @throws InvalidLogException if there is no such format
     */
    public static LogFormat parse(String text) {
        String name = text.strip().toLowerCase(Locale.ROOT);
        String known = name.equals("common") ? "combined" : name.equals("w3c") ? "cloudfront" : name;
        return Arrays.stream(values())
                .filter(format -> format.word.equals(known))
                .findFirst()
                .orElseThrow(() -> new InvalidLogException("--format " + text + " is unknown; write one of common, "
                        + Arrays.stream(values()).map(LogFormat::toString).collect(Collectors.joining(", "))
                        + ", or pass the format of nginx with --log-format."));
    }

    /**
     * Returns the format that reads most of some lines; of several, the first.
     *
     * @param lines  the first lines of a file
     * @param mapped the members of JSON objects, by field
     * @return the format, or {@code null} if no format reads them
     */
    static @Nullable LogFormat detect(List<String> lines, Map<String, String> mapped) {
        List<String> sample = lines.subList(0, Math.min(SAMPLE, lines.size()));
        LogFormat best = null;
        long most = 0;
        for (LogFormat format : values()) {
            long read = readable(format.open(mapped, Set.of()), sample);
            if (read > most) {
                best = format;
                most = read;
            }
        }
        return best;
    }

    private static long readable(LineFormat format, List<String> lines) {
        Predicate<@Nullable AccessRecord> isRequest = record -> record != null && record != AccessRecord.NOT_A_REQUEST;
        return lines.stream().map(format::parse).filter(isRequest).count();
    }

    /**
     * Creates a reader of this format for one file.
     *
     * @param mapped the members of JSON objects, by field
     * @param wanted the further fields to read
     */
    LineFormat open(Map<String, String> mapped, Set<String> wanted) {
        return switch (this) {
            case RECORDED -> new RecordedFormat();
            case JSON -> new JsonFormat(mapped, wanted);
            case CLOUDFRONT -> new W3cFormat(wanted);
            case ALB -> new AlbFormat(wanted);
            case COMBINED -> new CombinedFormat(wanted);
        };
    }

    /** Returns the name as {@code --format} writes it. */
    @Override
    public String toString() {
        return word;
    }
}
