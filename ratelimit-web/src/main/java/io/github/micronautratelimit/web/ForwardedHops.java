package io.github.micronautratelimit.web;

import inet.ipaddr.IPAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Parses the hops of {@code X-Forwarded-For} or {@code Forwarded} (RFC 7239), nearest first. All lines of a header form
 * one list.
 *
 * <p>The list is read from its end, where the nearest proxy has written. Text that a client wrote before, such as an
 * unclosed quotation mark, does not affect how the end is read. A hop without a valid address is {@code null}.
 */
final class ForwardedHops {

    /** Further hops are ignored. */
    private static final int MAX_HOPS = 100;

    private ForwardedHops() {}

    /** Parses lines that list one address per element. */
    static List<@Nullable IPAddress> ofAddresses(List<String> lines) {
        return read(lines, ForwardedHops::node);
    }

    /** Parses lines of the {@code Forwarded} header. */
    static List<@Nullable IPAddress> ofForwarded(List<String> lines) {
        return read(lines, ForwardedHops::element);
    }

    private static List<@Nullable IPAddress> read(List<String> lines, Function<String, @Nullable IPAddress> reader) {
        List<@Nullable IPAddress> hops = new ArrayList<>();
        for (int i = lines.size() - 1; i >= 0; i--) {
            for (String element : backwards(lines.get(i), ',')) {
                if (hops.size() == MAX_HOPS) {
                    return hops;
                }
                if (!element.isBlank()) {
                    hops.add(reader.apply(element.strip()));
                }
            }
        }
        return hops;
    }

    /** Splits a text at separators outside quotation marks; the last piece is the first. */
    private static List<String> backwards(String text, char separator) {
        List<String> pieces = new ArrayList<>();
        boolean quoted = false;
        int end = text.length();
        for (int i = text.length() - 1; i >= 0; i--) {
            char c = text.charAt(i);
            if (c == '"' && !isEscaped(text, i)) {
                quoted = !quoted;
            } else if (c == separator && !quoted) {
                pieces.add(text.substring(i + 1, end));
                end = i;
                if (pieces.size() > MAX_HOPS) {
                    return pieces;
                }
            }
        }
        pieces.add(text.substring(0, end));
        return pieces;
    }

    private static boolean isEscaped(String text, int at) {
        int backslashes = 0;
        while (at - backslashes > 0 && text.charAt(at - backslashes - 1) == '\\') {
            backslashes++;
        }
        return backslashes % 2 == 1;
    }

    private static @Nullable IPAddress element(String element) {
        IPAddress hop = null;
        boolean named = false;
        for (String pair : backwards(element, ';')) {
            int equals = pair.indexOf('=');
            if (equals > 0 && pair.substring(0, equals).strip().equalsIgnoreCase("for")) {
                if (named) {
                    return null;
                }
                named = true;
                hop = node(pair.substring(equals + 1).strip());
            }
        }
        return hop;
    }

    /** Parses {@code 192.0.2.1}, {@code 192.0.2.1:80}, {@code 2001:db8::1}, {@code [2001:db8::1]:80}, quoted or not. */
    static @Nullable IPAddress node(String text) {
        String node = text.length() > 1 && text.startsWith("\"") && text.endsWith("\"")
                ? text.substring(1, text.length() - 1)
                : text;
        if (node.startsWith("[")) {
            int close = node.indexOf(']');
            boolean ipv6 = close > 0 && node.lastIndexOf(':', close) > 0;
            return ipv6 && isPort(node.substring(close + 1)) ? Addresses.parse(node.substring(1, close)) : null;
        }
        int colon = node.indexOf(':');
        if (colon > 0 && colon == node.lastIndexOf(':')) {
            return isPort(node.substring(colon)) ? Addresses.parse(node.substring(0, colon)) : null;
        }
        return Addresses.parse(node);
    }

    /** Accepts an empty text, or a colon and a port: digits, or an obfuscated port of RFC 7239. */
    private static boolean isPort(String text) {
        return text.isEmpty() || text.matches(":(\\d{1,5}|_[\\w.-]{1,64})");
    }
}
