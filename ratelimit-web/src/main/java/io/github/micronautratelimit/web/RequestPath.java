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

/**
 * The path of a request in every reading that a component behind the filter may use: unchanged, or with escapes
 * decoded, matrix parameters removed, {@code .} and {@code ..} resolved, double and trailing slashes removed, once or
 * several times, in any order.
 *
 * <p>A rule applies if it matches at least one reading, so a client cannot avoid it by another notation. An exclusion
 * applies only if it matches every reading.
 *
 * <p>The work is bounded: a path of more than {@value #MAX_READINGS} readings, or whose readings take more than
 * {@value #MAX_WORK} characters to find, is not read further. To such a path every rule and no exclusion applies.
 * Honest paths stay far below: a path whose only oddity are escapes takes three times its length.
 */
public final class RequestPath {

    private static final int MAX_READINGS = 64;

    /** The most characters that readers go through, for the paths of one request. */
    static final int MAX_WORK = 16_384;

    private static final int TOO_MUCH = MAX_WORK + 1;

    /** The length of an escape such as {@code %2e}. */
    private static final int ESCAPE = 3;

    private static final int FIRST_OUTSIDE_ASCII = 128;

    private static final List<UnaryOperator<String>> READERS = List.of(
            RequestPath::decoded,
            RequestPath::withPlainSeparators,
            RequestPath::withoutMatrixParameters,
            RequestPath::withSingleSlashes,
            RequestPath::resolved,
            RequestPath::withoutLastSlash);

    private final Collection<String> readings;
    private final int work;

    /**
     * Creates a path.
     *
     * @param raw the path as the client has sent it, without the query
     */
    public RequestPath(String raw) {
        this(isPlain(raw), List.of(raw));
    }

    /**
     * Creates a path that a server has decoded.
     *
     * @param raw     the path as the client has sent it, without the query
     * @param decoded the path as the server uses it
     */
    public RequestPath(String raw, String decoded) {
        this(isPlain(raw) && raw.equals(decoded), List.of(raw, decoded));
    }

    private RequestPath(boolean plain, List<String> paths) {
        if (plain) {
            this.readings = List.of(paths.get(0).toLowerCase(Locale.ROOT));
            this.work = 0;
        } else {
            Set<String> found = new LinkedHashSet<>();
            this.work = read(paths, found);
            this.readings = work > MAX_WORK ? List.of() : found;
        }
    }

    private static boolean isPlain(String path) {
        int last = path.length() - 1;
        for (int i = 0; i <= last; i++) {
            char c = path.charAt(i);
            if (c == '%'
                    || c == ';'
                    || c == '\\'
                    || c == '/' && (i == last ? i > 0 : path.charAt(i + 1) == '/' || path.charAt(i + 1) == '.')) {
                return false;
            }
        }
        return true;
    }

    /** Finds the readings and returns the work, or {@link #TOO_MUCH} before it exceeds {@link #MAX_WORK}. */
    private static int read(List<String> paths, Set<String> readings) {
        paths.forEach(path -> readings.add(path.toLowerCase(Locale.ROOT)));
        Deque<String> toRead = new ArrayDeque<>(readings);
        int work = 0;
        while (!toRead.isEmpty()) {
            String path = toRead.remove();
            if (work + path.length() > MAX_WORK) {
                return TOO_MUCH;
            }
            work += path.length();
            if (isPlain(path)) {
                continue;
            }
            for (UnaryOperator<String> reader : READERS) {
                if (work + path.length() > MAX_WORK || readings.size() > MAX_READINGS) {
                    return TOO_MUCH;
                }
                String reading = reader.apply(path);
                if (!reading.equals(path)) {
                    work += path.length();
                    String lower = reading.toLowerCase(Locale.ROOT);
                    if (readings.add(lower)) {
                        toRead.add(lower);
                    }
                }
            }
        }
        return readings.size() > MAX_READINGS ? TOO_MUCH : work;
    }

    /** Returns the number of characters that readers went through. */
    int work() {
        return work;
    }

    /** Returns whether components may read the path in different ways, so that a pattern may match it or not. */
    boolean isAmbiguous() {
        return readings.size() != 1;
    }

    private boolean isMoreThanHonest() {
        return work > MAX_WORK;
    }

    /** Returns whether a pattern matches at least one reading. */
    boolean mayMatch(PathPattern pattern) {
        if (isMoreThanHonest()) {
            return true;
        }
        for (String reading : readings) {
            if (pattern.matches(reading)) {
                return true;
            }
        }
        return false;
    }

    /** Returns whether a pattern matches every reading. */
    boolean surelyMatches(PathPattern pattern) {
        if (isMoreThanHonest()) {
            return false;
        }
        for (String reading : readings) {
            if (!pattern.matches(reading)) {
                return false;
            }
        }
        return true;
    }

    /** Decodes escapes once, except slashes and backslashes, which may or may not separate segments. */
    private static String decoded(String path) {
        if (path.indexOf('%') < 0) {
            return path;
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(path.length());
        int i = 0;
        while (i < path.length()) {
            char c = path.charAt(i);
            int escape = c == '%' && !isSeparator(path, i) ? hex(path, i + 1) : -1;
            if (escape >= 0) {
                bytes.write(escape);
                i += ESCAPE;
            } else if (c < FIRST_OUTSIDE_ASCII) {
                bytes.write(c);
                i++;
            } else {
                int end = path.offsetByCodePoints(i, 1);
                bytes.writeBytes(path.substring(i, end).getBytes(StandardCharsets.UTF_8));
                i = end;
            }
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    /** Returns whether an escape stands for a slash or a backslash. */
    private static boolean isSeparator(String path, int at) {
        return path.startsWith("2f", at + 1) || path.startsWith("5c", at + 1);
    }

    private static String withPlainSeparators(String path) {
        if (path.indexOf('%') < 0 && path.indexOf('\\') < 0) {
            return path;
        }
        StringBuilder plain = new StringBuilder(path.length());
        for (int i = 0; i < path.length(); i++) {
            char c = path.charAt(i);
            if (c == '%' && isSeparator(path, i)) {
                plain.append('/');
                i += ESCAPE - 1;
            } else {
                plain.append(c == '\\' ? '/' : c);
            }
        }
        return plain.toString();
    }

    private static String withoutMatrixParameters(String path) {
        if (path.indexOf(';') < 0) {
            return path;
        }
        StringBuilder plain = new StringBuilder(path.length());
        boolean parameters = false;
        for (int i = 0; i < path.length(); i++) {
            char c = path.charAt(i);
            parameters = c == ';' || parameters && c != '/';
            if (!parameters) {
                plain.append(c);
            }
        }
        return plain.toString();
    }

    private static String withSingleSlashes(String path) {
        if (!path.contains("//")) {
            return path;
        }
        StringBuilder single = new StringBuilder(path.length());
        for (int i = 0; i < path.length(); i++) {
            if (path.charAt(i) != '/' || i == 0 || path.charAt(i - 1) != '/') {
                single.append(path.charAt(i));
            }
        }
        return single.toString();
    }

    private static String withoutLastSlash(String path) {
        return path.length() > 1 && path.endsWith("/") ? path.substring(0, path.length() - 1) : path;
    }

    private static int hex(String path, int at) {
        if (at + 1 >= path.length()) {
            return -1;
        }
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
