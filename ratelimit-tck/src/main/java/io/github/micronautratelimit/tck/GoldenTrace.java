package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.FixedWindow.CalendarPeriod;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.SlidingWindow;
import io.github.micronautratelimit.limit.TokenBucket;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.StringJoiner;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

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
 * <p>A trace with other operations has two more columns:
 * <pre>{@code
 * # policy: token-bucket:10/60000000us:burst=10
 * time_us,operation,permits,argument,allowed,remaining,retry_after_us,reset_after_us
 * 1790000163376680,reserve,4,3600000000,1,6,0,24000000
 * 1790000164376680,settle,1,1,1,9,0,5000000
 * }</pre>
 * The operations are {@code acquire}; {@code refund} of the permits that the row {@code argument} has charged, counted
 * from 1; {@code refund-latest} of a number of permits; {@code reserve} with a time to live of {@code argument}
 * microseconds; {@code settle} of the reservation of the row {@code argument} with the permits really used; {@code
 * block} for {@code argument} microseconds. After a refund, a settlement or a block, the columns contain the answer to
 * a peek of 0 permits; {@code allowed} is 0 for a settlement that changed nothing. Reservations have the default rules;
 * a line {@code # unsettled: refund} after the first gives back those that expire.
 *
 * A calendar quota is {@code calendar-window:1000/month:zone=Europe/Berlin:anchor=31}. The units are {@code day},
 * {@code week}, {@code month} and {@code year}. The anchor is the first day of a week (1, Monday, to 7), the first day
 * of a month, or the first month of a year; 1 if it is missing.
 *
 * @param name   the name of the file
 * @param limits the limits of the policy
 * @param refundedAtExpiry whether reservations that expire are given back
 * @param rows   the requests, at least one
 */
record GoldenTrace(String name, List<Limit> limits, boolean refundedAtExpiry, List<Row> rows) {

    private static final String POLICY = "# policy: ";
    private static final String COLUMNS = "time_us,permits,allowed,remaining,retry_after_us,reset_after_us";
    private static final String ALL_COLUMNS =
            "time_us,operation,permits,argument,allowed,remaining,retry_after_us,reset_after_us";
    private static final String REFUNDED = "# unsettled: refund";
    private static final Pattern LIMIT =
            Pattern.compile("(token-bucket|sliding-window|fixed-window):(\\d+)/(\\d+)us(?::burst=(\\d+))?");

    private static final Pattern CALENDAR =
            Pattern.compile("calendar-window:(\\d+)/(day|week|month|year):zone=(.+?)(?::anchor=(\\d+))?");

    /** The operation of a row. */
    enum Operation {
        ACQUIRE,
        REFUND,
        REFUND_LATEST,
        RESERVE,
        SETTLE,
        BLOCK;

        /** Returns the name in a trace. */
        String text() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /**
     * One operation and the expected answer.
     *
     * @param line     in the file, from 1
     * @param argument depends on the operation
     */
    record Row(int line, long timeMicros, Operation operation, long permits, long argument, Answer expected) {

        /** Returns the row with all columns. */
        String text() {
            return timeMicros + "," + operation.text() + "," + permits + "," + argument + ","
                    + (expected.allowed ? 1 : 0) + "," + expected.remaining + "," + expected.retryAfterMicros + ","
                    + expected.resetAfterMicros;
        }
    }

    /** The columns of a decision. */
    record Answer(boolean allowed, long remaining, long retryAfterMicros, long resetAfterMicros) {

        static Answer of(Decision decision) {
            return new Answer(
                    decision.allowed(), decision.remaining(), decision.retryAfterMicros(), decision.resetAfterMicros());
        }
    }

    static GoldenTrace parse(String name, List<String> lines) {
        boolean refunded = lines.size() > 1 && lines.get(1).equals(REFUNDED);
        int columns = refunded ? 2 : 1;
        boolean all = lines.size() > columns && lines.get(columns).equals(ALL_COLUMNS);
        if (lines.size() < columns + 2
                || !lines.get(0).startsWith(POLICY)
                || !all && !lines.get(columns).equals(COLUMNS)) {
            throw new IllegalArgumentException(name + ": a trace is a line \"" + POLICY + "...\", a line \"" + COLUMNS
                    + "\" or \"" + ALL_COLUMNS + "\", and at least one row.");
        }
        List<Limit> limits = new ArrayList<>();
        for (String limit : lines.get(0).substring(POLICY.length()).split(" & ", -1)) {
            limits.add(limit(name, limit.strip()));
        }
        List<Row> rows = new ArrayList<>();
        for (int i = columns + 1; i < lines.size(); i++) {
            if (!lines.get(i).isBlank()) {
                rows.add(row(name, i + 1, lines.get(i), all));
            }
        }
        return new GoldenTrace(name, List.copyOf(limits), refunded, List.copyOf(rows));
    }

    boolean hasReservations() {
        return rows.stream().anyMatch(row -> row.operation == Operation.RESERVE);
    }

    /** Returns the text of the trace with all columns. */
    String text() {
        StringJoiner text = new StringJoiner("\n", "", "\n");
        text.add(POLICY + limits.stream().map(GoldenTrace::text).collect(Collectors.joining(" & ")));
        if (refundedAtExpiry) {
            text.add(REFUNDED);
        }
        text.add(ALL_COLUMNS);
        rows.forEach(row -> text.add(row.text()));
        return text.toString();
    }

    private static String text(Limit limit) {
        CalendarPeriod calendar = limit instanceof FixedWindow window ? window.calendar() : null;
        if (calendar != null) {
            String units = calendar.unit().name().toLowerCase(Locale.ROOT);
            return "calendar-window:" + limit.permits() + "/" + units.substring(0, units.length() - 1) + ":zone="
                    + calendar.zone() + (calendar.unit() == ChronoUnit.DAYS ? "" : ":anchor=" + calendar.first());
        }
        String numbers = limit.permits() + "/" + limit.periodMicros() + "us";
        return limit instanceof TokenBucket
                ? "token-bucket:" + numbers + ":burst=" + limit.capacity()
                : (limit instanceof SlidingWindow ? "sliding-window:" : "fixed-window:") + numbers;
    }

    private static Limit limit(String name, String text) {
        Matcher calendar = CALENDAR.matcher(text);
        if (calendar.matches()) {
            int first = calendar.group(4) == null ? 1 : Integer.parseInt(calendar.group(4));
            ChronoUnit unit = ChronoUnit.valueOf(calendar.group(2).toUpperCase(Locale.ROOT) + "S");
            return Limit.fixedWindow(
                    Long.parseLong(calendar.group(1)), new CalendarPeriod(unit, first, ZoneId.of(calendar.group(3))));
        }
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

    private static Row row(String name, int line, String text, boolean all) {
        String[] cells = text.strip().split(",", -1);
        int answer = all ? 4 : 2;
        if (cells.length != answer + 4 || !cells[answer].matches("[01]")) {
            throw new IllegalArgumentException(name + ":" + line + ": \"" + text + "\" is no row.");
        }
        try {
            return new Row(
                    line,
                    Long.parseLong(cells[0]),
                    all ? Operation.valueOf(cells[1].toUpperCase(Locale.ROOT).replace('-', '_')) : Operation.ACQUIRE,
                    Long.parseLong(cells[all ? 2 : 1]),
                    all ? Long.parseLong(cells[3]) : 0,
                    new Answer(
                            cells[answer].equals("1"),
                            Long.parseLong(cells[answer + 1]),
                            Long.parseLong(cells[answer + 2]),
                            Long.parseLong(cells[answer + 3])));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(name + ":" + line + ": \"" + text + "\" is no row.", e);
        }
    }
}
