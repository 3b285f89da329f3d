package io.github.micronautratelimit.simulator.log;

import java.util.Locale;
import java.util.Set;

/** The names of the fields of a request, as {@code --field} and messages write them. */
public final class FieldName {

    /** The time of the request. */
    public static final String TIME = "time";

    /** The address of the client. */
    public static final String CLIENT = "client";

    /** The authenticated user. */
    public static final String USER = "user";

    /** The method. */
    public static final String METHOD = "method";

    /** The path, with or without a query. */
    public static final String PATH = "path";

    /** Method, path and protocol in one field. */
    public static final String REQUEST = "request";

    /** The status of the response. */
    public static final String STATUS = "status";

    private static final String HEADER = "header:";
    private static final String COOKIE = "cookie:";
    private static final Set<String> PLAIN = Set.of(TIME, CLIENT, USER, METHOD, PATH, REQUEST, STATUS);

    private FieldName() {}

    /**
     * Returns the field of a request header.
     *
     * @param name the name of the header in any case
     */
    public static String header(String name) {
        return HEADER + name.toLowerCase(Locale.ROOT);
    }

    /**
     * Returns the field of a cookie.
     *
     * @param name the name of the cookie
     */
    public static String cookie(String name) {
        return COOKIE + name;
    }

    /**
     * Returns the canonical form of a field that a person has written.
     *
     * @param text the text of the option
     * @throws InvalidLogException if there is no such field
     */
    public static String parse(String text) {
        if (text.regionMatches(true, 0, HEADER, 0, HEADER.length()) && text.length() > HEADER.length()) {
            return header(text.substring(HEADER.length()));
        }
        if (text.startsWith(COOKIE) && text.length() > COOKIE.length() || PLAIN.contains(text)) {
            return text;
        }
        throw new InvalidLogException("--field " + text + " is unknown; write one of time, client, user, method, path,"
                + " request, status, header:NAME or cookie:NAME.");
    }

    /** Returns whether the field is a header. */
    static boolean isHeader(String field) {
        return field.startsWith(HEADER);
    }

    /** Returns whether the field is a cookie. */
    static boolean isCookie(String field) {
        return field.startsWith(COOKIE);
    }

    /** Returns the name of the header or cookie. */
    static String nameIn(String field) {
        return field.substring(field.indexOf(':') + 1);
    }
}
