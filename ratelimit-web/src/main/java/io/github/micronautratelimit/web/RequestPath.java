package io.github.micronautratelimit.web;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

/**
 * The path of a request in all the ways somebody behind us may read it: as it is, or with escapes decoded, matrix
 * parameters removed, {@code .} and {@code ..} resolved, double and trailing slashes dropped, once or several times and
 * in any order. A rule applies if it matches any reading, so it cannot be dodged by how a path is written; an exclusion
 * holds only for a path that reads the same in every way.
 */
public final class RequestPath {

    /** More readings than any honest path has. Every rule applies to a path that has more. */
    private static final int MOST = 64;

    private static final Pattern MATRIX = Pattern.compile(";[^/]*");
    private static final Pattern SLASHES = Pattern.compile("//+");
    private static final Pattern ENCODED_SLASH = Pattern.compile("(?i)%2f|%5c|\\\\");
    private static final Set<String> SEPARATORS = Set.of("2f", "5c");

    private static final List<UnaryOperator<String>> READERS = List.of(
            RequestPath::decoded,
            path -> ENCODED_SLASH.matcher(path).replaceAll("/"),
            path -> MATRIX.matcher(path).replaceAll(""),
            path -> SLASHES.matcher(path).replaceAll("/"),
            RequestPath::resolved,
            path -> path.length() > 1 && path.endsWith("/") ? path.substring(0, path.length() - 1) : path);

    private final Collection<String> readings;

    /**
     * A path.
     *
     * @param raw the path as the client has sent it, without the query
     */
    public RequestPath(String raw) {
        this.readings = isPlain(raw) ? List.of(raw.toLowerCase(Locale.ROOT)) : readings(List.of(raw));
    }

    /**
     * A path that a server has read in its own way.
     *
     * @param raw    the path as the client has sent it, without the query
     * @param served the path as the server has read it
     */
    public RequestPath(String raw, String served) {
        this.readings = isPlain(raw) && raw.equals(served)
                ? List.of(raw.toLowerCase(Locale.ROOT)) : readings(List.of(raw, served));
    }

    private static boolean isPlain(String path) {
        int last = path.length() - 1;
        for (int i = 0; i <= last; i++) {
            char c = path.charAt(i);
            if (c == '%' || c == ';' || c == '\\'
                    || c == '/' && (i == last ? i > 0 : path.charAt(i + 1) == '/' || path.charAt(i + 1) == '.')) {
                return false;
            }
        }
        return true;
    }

    private static Set<String> readings(List<String> paths) {
        Set<String> readings = new LinkedHashSet<>();
        paths.forEach(path -> readings.add(path.toLowerCase(Locale.ROOT)));
        Deque<String> toRead = new ArrayDeque<>(readings);
        while (!toRead.isEmpty() && readings.size() <= MOST) {
            String path = toRead.remove();
            for (UnaryOperator<String> reader : READERS) {
                String reading = reader.apply(path).toLowerCase(Locale.ROOT);
                if (readings.add(reading)) {
                    toRead.add(reading);
                }
            }
        }
        return readings;
    }

    boolean mayMatch(PathPattern pattern) {
        if (readings.size() > MOST) {
            return true;
        }
        for (String reading : readings) {
            if (pattern.matches(reading)) {
                return true;
            }
        }
        return false;
    }

    /**
     * Whether the path may be excluded by a pattern.
     *
     * @return {@code true} if it matches in every reading
     */
    boolean surelyMatches(PathPattern pattern) {
        if (readings.size() > MOST) {
            return false;
        }
        for (String reading : readings) {
            if (!pattern.matches(reading)) {
                return false;
            }
        }
        return true;
    }

    /** Decodes escapes once, but for slashes and backslashes, which may or may not separate segments. */
    private static String decoded(String path) {
        if (path.indexOf('%') < 0) {
            return path;
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(path.length());
        int i = 0;
        while (i < path.length()) {
            int escape = path.charAt(i) == '%' && i + 2 < path.length()
                    && !SEPARATORS.contains(path.substring(i + 1, i + 3)) ? hex(path, i + 1) : -1;
            if (escape >= 0) {
                bytes.write(escape);
                i += 3;
            } else {
                int end = path.offsetByCodePoints(i, 1);
                bytes.writeBytes(path.substring(i, end).getBytes(StandardCharsets.UTF_8));
                i = end;
            }
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    private static int hex(String path, int at) {
        int high = Character.digit(path.charAt(at), 16);
        int low = Character.digit(path.charAt(at + 1), 16);
        return high < 0 || low < 0 ? -1 : high * 16 + low;
    }

    private static String resolved(String path) {
        if (!path.contains("/.")) {
            return path;
        }
        Deque<String> segments = new ArrayDeque<>();
        String[] all = path.substring(1).split("/", -1);
        for (int i = 0; i < all.length; i++) {
            boolean up = all[i].equals("..");
            if (up) {
                segments.pollLast();
            }
            if (!up && !all[i].equals(".")) {
                segments.addLast(all[i]);
            } else if (i == all.length - 1) {
                segments.addLast("");
            }
        }
        return "/" + String.join("/", segments);
    }
}
