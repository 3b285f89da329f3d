package io.github.micronautratelimit.tck;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;

/**
 * Values that a hostile client may write into a header of addresses, for tests of code that parses such headers:
 * unusual notations of addresses, unclosed quotation marks, lists, long values, code and control characters.
 */
public final class HostileHeaders {

    private static final String FILE = "hostile-headers.txt";
    private static final String LONG = "LONG:";

    private HostileHeaders() {}

    /**
     * Returns all values.
     *
     * @return more than 200 different texts
     */
    public static List<String> values() {
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(
                Objects.requireNonNull(HostileHeaders.class.getResourceAsStream(FILE)), StandardCharsets.US_ASCII))) {
            return lines.lines()
                    .filter(line -> !line.startsWith("# "))
                    .map(HostileHeaders::read)
                    .distinct()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String read(String line) {
        if (!line.startsWith(LONG)) {
            return unescaped(line);
        }
        int colon = line.lastIndexOf(':');
        String text = unescaped(line.substring(LONG.length(), colon));
        return text.repeat(Integer.parseInt(line.substring(colon + 1)) / text.length());
    }

    private static String unescaped(String line) {
        StringBuilder text = new StringBuilder(line.length());
        for (int i = 0; i < line.length(); i++) {
            if (line.charAt(i) != '\\') {
                text.append(line.charAt(i));
            } else if (line.charAt(++i) == 'u') {
                text.append((char) Integer.parseInt(line.substring(i + 1, i + 5), 16));
                i += 4;
            } else {
                text.append(line.charAt(i) == 't' ? '\t' : line.charAt(i));
            }
        }
        return text.toString();
    }
}
