package io.github.micronautratelimit.web;

import java.util.Locale;
import java.util.regex.Pattern;

/**
 * The use that a {@code Cache-Control} of a response allows shared caches (RFC 9111, 3 and 5.2.2).
 *
 * @param allowed whether they may reuse the response for other clients without asking for a new one
 */
record SharedCaching(boolean allowed) {

    private static final Pattern QUOTED = Pattern.compile("\"(?:[^\"\\\\]|\\\\.)*\"");
    private static final String S_MAXAGE = "s-maxage=";
    private static final String MAX_AGE = "max-age=";

    /** Reads a value. A lifetime that is not a number counts as none. */
    static SharedCaching of(String cacheControl) {
        boolean mayStore = false;
        Boolean fresh = null;
        boolean freshForShared = false;
        for (String text : withoutQuotes(cacheControl).split(",", -1)) {
            String directive = text.strip().toLowerCase(Locale.ROOT);
            switch (directive) {
                case "private", "no-store", "no-cache" -> {
                    return new SharedCaching(false);
                }
                case "public" -> mayStore = true;
                default -> {
                    if (directive.startsWith(S_MAXAGE)) {
                        fresh = isLong(directive.substring(S_MAXAGE.length()));
                        freshForShared = true;
                    } else if (directive.startsWith(MAX_AGE) && !freshForShared) {
                        fresh = isLong(directive.substring(MAX_AGE.length()));
                    }
                }
            }
        }
        return new SharedCaching(fresh == null ? mayStore : fresh);
    }

    /** Replaces quoted texts by their content without commas, which would separate directives. */
    private static String withoutQuotes(String cacheControl) {
        return QUOTED.matcher(cacheControl).replaceAll(quoted -> quoted.group().replaceAll("[^0-9A-Za-z]", ""));
    }

    private static boolean isLong(String seconds) {
        return !seconds.isEmpty()
                && seconds.chars().allMatch(c -> c >= '0' && c <= '9')
                && seconds.chars().anyMatch(c -> c != '0');
    }
}
