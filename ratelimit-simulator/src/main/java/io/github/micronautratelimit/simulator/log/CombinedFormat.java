package io.github.micronautratelimit.simulator.log;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The common log format of Apache, nginx and others, and the combined one, which adds referrer and user agent. Written
 * by hand because it is the format of most large logs.
 */
final class CombinedFormat implements LineFormat {

    private static final String REFERER = FieldName.header("Referer");
    private static final String USER_AGENT = FieldName.header("User-Agent");
    private static final Set<String> FIELDS = Set.of(
            FieldName.TIME,
            FieldName.CLIENT,
            FieldName.USER,
            FieldName.METHOD,
            FieldName.PATH,
            FieldName.STATUS,
            REFERER,
            USER_AGENT);

    private final Timestamps timestamps = new Timestamps();
    private final boolean readsHeaders;

    CombinedFormat(Set<String> wanted) {
        this.readsHeaders = wanted.contains(REFERER) || wanted.contains(USER_AGENT);
    }

    @Override
    public boolean mayContain(String field) {
        return FIELDS.contains(field);
    }

    @Override
    public @Nullable AccessRecord parse(String line) {
        if (line.isEmpty()) {
            return AccessRecord.NOT_A_REQUEST;
        }
        int clientEnd = line.indexOf(' ');
        int userStart = clientEnd < 0 ? -1 : line.indexOf(' ', clientEnd + 1) + 1;
        int bracket = userStart <= 0 ? -1 : line.indexOf(" [", userStart - 1);
        int closing = bracket < 0 ? -1 : line.indexOf(']', bracket);
        if (clientEnd <= 0 || closing < 0) {
            return null;
        }
        long micros = timestamps.clf(line, bracket + 2, closing);
        int quote = line.indexOf('"', closing);
        int end = quote < 0 ? -1 : closingQuote(line, quote + 1);
        if (micros == Timestamps.UNREADABLE || end < 0) {
            return null;
        }
        RequestLine request = RequestLine.parse(line.substring(quote + 1, end));
        return new AccessRecord(
                micros,
                line.substring(0, clientEnd),
                user(line, userStart, bracket),
                request.method(),
                request.target(),
                status(line, end + 2),
                readsHeaders ? headers(line, end) : Map.of(),
                null);
    }

    private static @Nullable String user(String line, int from, int to) {
        return to <= from || to - from == 1 && line.charAt(from) == '-' ? null : line.substring(from, to);
    }

    /** Returns the status, or 0. */
    private static int status(String line, int from) {
        int status = 0;
        for (int i = from; i < from + 3; i++) {
            if (i >= line.length() || line.charAt(i) < '0' || line.charAt(i) > '9') {
                return 0;
            }
            status = status * 10 + line.charAt(i) - '0';
        }
        return status;
    }

    private static Map<String, String> headers(String line, int requestEnd) {
        Map<String, String> headers = new HashMap<>();
        int position = requestEnd + 1;
        for (String field : new String[] {REFERER, USER_AGENT}) {
            int quote = line.indexOf('"', position);
            int end = quote < 0 ? -1 : closingQuote(line, quote + 1);
            if (end < 0) {
                break;
            }
            String value = line.substring(quote + 1, end);
            if (!value.equals("-")) {
                headers.put(field, value);
            }
            position = end + 1;
        }
        return headers;
    }

    /** Returns the position of the next quotation mark that is not escaped, or -1. */
    static int closingQuote(String line, int from) {
        int quote = line.indexOf('"', from);
        while (quote > 0 && isEscaped(line, quote, from)) {
            quote = line.indexOf('"', quote + 1);
        }
        return quote;
    }

    private static boolean isEscaped(String line, int quote, int from) {
        int slashes = 0;
        while (quote - 1 - slashes >= from && line.charAt(quote - 1 - slashes) == '\\') {
            slashes++;
        }
        return slashes % 2 == 1;
    }
}
