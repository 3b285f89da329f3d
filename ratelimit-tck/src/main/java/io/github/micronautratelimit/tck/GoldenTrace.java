package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.SlidingWindow;
import io.github.micronautratelimit.limit.TokenBucket;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Recorded requests on one key that was empty at first, and the decisions of an exact model.
 *
 * <p>The first line contains the limits, the second the columns. Each further line is one request, in order:
 * <pre>{@code
 * # policy: token-bucket:97/3000000us:burst=100 & fixed-window:1000/60000000us
 * time_us,permits,allowed,remaining,retry_after_us,reset_after_us
 * 1790000163376680,1,1,99,0,30928
 * }</pre>
 *
 * @param name   the name of the file
 * @param limits the limits of the policy
 * @param rows   the requests, at least one
 */
record GoldenTrace(String name, List<Limit> limits, List<Row> rows) {

    private static final String POLICY = "# policy: ";
    private static final String COLUMNS = "time_us,permits,allowed,remaining,retry_after_us,reset_after_us";
    private static final Pattern LIMIT =
            Pattern.compile("(token-bucket|sliding-window|fixed-window):(\\d+)/(\\d+)us(?::burst=(\\d+))?");

    /** One request and the expected answer. */
    record Row(int line, long timeMicros, long permits, Answer expected) {}

    /** The columns of a decision. */
    record Answer(boolean allowed, long remaining, long retryAfterMicros, long resetAfterMicros) {

        static Answer of(Decision decision) {
            return new Answer(
                    decision.allowed(), decision.remaining(), decision.retryAfterMicros(), decision.resetAfterMicros());
        }
    }

    static GoldenTrace parse(String name, List<String> lines) {
        if (lines.size() < 3
                || !lines.get(0).startsWith(POLICY)
                || !lines.get(1).equals(COLUMNS)) {
            throw new IllegalArgumentException(name + ": a trace is a line \"" + POLICY + "...\", a line \"" + COLUMNS
                    + "\" and at least one row.");
        }
        List<Limit> limits = new ArrayList<>();
        for (String limit : lines.get(0).substring(POLICY.length()).split(" & ", -1)) {
            limits.add(limit(name, limit.strip()));
        }
        List<Row> rows = new ArrayList<>();
        for (int i = 2; i < lines.size(); i++) {
            if (!lines.get(i).isBlank()) {
                rows.add(row(name, i + 1, lines.get(i)));
            }
        }
        return new GoldenTrace(name, List.copyOf(limits), List.copyOf(rows));
    }

    private static Limit limit(String name, String text) {
        Matcher matcher = LIMIT.matcher(text);
        if (!matcher.matches() || matcher.group(4) != null && !matcher.group(1).equals("token-bucket")) {
            throw new IllegalArgumentException(name + ":1: \"" + text + "\" is not a limit.");
        }
        long permits = Long.parseLong(matcher.group(2));
        long period = Long.parseLong(matcher.group(3));
        return switch (matcher.group(1)) {
            case "sliding-window" -> new SlidingWindow(permits, period);
            case "fixed-window" -> new FixedWindow(permits, period);
            default -> new TokenBucket(
                    permits, period, matcher.group(4) == null ? permits : Long.parseLong(matcher.group(4)));
        };
    }

    private static Row row(String name, int line, String text) {
        String[] cells = text.strip().split(",", -1);
        if (cells.length != 6 || !cells[2].matches("[01]")) {
            throw new IllegalArgumentException(name + ":" + line + ": \"" + text + "\" is no row.");
        }
        try {
            return new Row(
                    line,
                    Long.parseLong(cells[0]),
                    Long.parseLong(cells[1]),
                    new Answer(
                            cells[2].equals("1"),
                            Long.parseLong(cells[3]),
                            Long.parseLong(cells[4]),
                            Long.parseLong(cells[5])));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(name + ":" + line + ": \"" + text + "\" is no row.", e);
        }
    }
}
