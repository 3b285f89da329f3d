package io.github.micronautratelimit.simulator.log;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One request of a log. Immutable.
 *
 * @param micros   the time of the request, in microseconds since the epoch
 * @param client   the client, usually an address
 * @param user     the authenticated user, or {@code null}
 * @param method   the method
 * @param target   the path with or without a query, or an absolute URI
 * @param status   the status of the response; 0 if the log does not contain it
 * @param values   the values of further {@linkplain FieldName fields} that were asked for, by field
 * @param decision the recorded decision, if the line is one; {@code null} in access logs
 */
public record AccessRecord(
        long micros,
        String client,
        @Nullable String user,
        String method,
        String target,
        int status,
        Map<String, String> values,
        @Nullable RecordedDecision decision) {

    /** Stands for a line without a request, such as a comment or an empty line. */
    public static final AccessRecord NOT_A_REQUEST = new AccessRecord(0, "", null, "", "", 0, Map.of(), null);

    /**
     * A decision that an application has recorded.
     *
     * @param policy  the name of the policy
     * @param key     the hash of the key
     * @param permits the permits of the request
     * @param allowed whether the request was allowed
     */
    public record RecordedDecision(String policy, String key, long permits, boolean allowed) {}

    /** Returns the target up to its query, without scheme and host. */
    public String path() {
        int start = 0;
        if (!target.startsWith("/")) {
            int scheme = target.indexOf("://");
            int slash = scheme < 0 ? -1 : target.indexOf('/', scheme + 3);
            if (scheme >= 0 && slash < 0) {
                return "/";
            }
            start = Math.max(0, slash);
        }
        int query = target.indexOf('?', start);
        return query < 0 ? target.substring(start) : target.substring(start, query);
    }

    /** Returns the text after the question mark of the target; empty if there is none. */
    public String queryText() {
        int query = target.indexOf('?');
        return query < 0 ? "" : target.substring(query + 1);
    }
}
