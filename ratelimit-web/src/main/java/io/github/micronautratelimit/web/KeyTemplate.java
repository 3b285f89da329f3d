package io.github.micronautratelimit.web;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A template of keys: text and placeholders, for example <code>{ip}</code> or <code>{header:X-Tenant}/{path:id}</code>.
 * Immutable. Templates with the same text are equal.
 *
 * @param text  the text form
 * @param parts the pieces of text and the placeholders in order, at least one
 */
public record KeyTemplate(String text, List<Part> parts) {

    private static final String EXAMPLE = "; write a key like \"{ip}\", \"{principal-or-ip}\", \"{api-key}\", "
            + "\"{role}\", \"{claim:NAME}\", \"{bearer-token}\", \"{header:X-Tenant}\", \"{cookie:NAME}\", \"{query:NAME}\", \"{path:NAME}\", "
            + "\"{bean:NAME}\" or \"{global}\", with or without text around it.";

    /** The names of headers and cookies (RFC 9110, 5.6.2; RFC 6265, 4.1.1). */
    static final Pattern TOKEN = Pattern.compile("[\\w!#$%&'*+.^`|~-]+");

    private static final Pattern IPV6_PREFIX = Pattern.compile("1[6-9]|[2-5]\\d|6[0-4]");

    /** The source of the value of a placeholder. */
    public enum Source {

        /** The text itself. */
        TEXT(false, false),
        /** An empty value, the same for all requests. */
        GLOBAL(false, false),
        /** The address of the client; with a number as name, the IPv6 range with a prefix of that length. */
        IP(false, false),
        /** The name of the authenticated user. */
        PRINCIPAL(false, false),
        /** The name of the authenticated user, or the address of the client. */
        PRINCIPAL_OR_IP(false, false),
        /** The roles of the authenticated user, in alphabetical order. */
        ROLE(false, false),
        /** A claim about the authenticated user. */
        CLAIM(true, false),
        /** The header {@code X-API-Key}. */
        API_KEY(false, true),
        /** The bearer token of the header {@code Authorization} (RFC 6750), hashed. */
        BEARER_TOKEN(false, true),
        /**
         * The length of the body in bytes according to its header; for a WebSocket message, the length of the message.
         */
        BODY_SIZE(false, true),
        /** The WebSocket connection of a message. */
        CONNECTION(false, false),
        /** A request header. */
        HEADER(true, true),
        /** A cookie. */
        COOKIE(true, true),
        /** A query parameter. */
        QUERY(true, true),
        /** A path variable of the route. */
        PATH(true, true),
        /** A value that code of the application returns. */
        BEAN(true, false);

        private final boolean named;
        private final boolean chosen;

        Source(boolean named, boolean chosen) {
            this.named = named;
            this.chosen = chosen;
        }

        /**
         * Returns whether the client chooses the value.
         *
         * @return {@code false} if the connection, the authentication or the application determines it
         */
        public boolean isClientsChoice() {
            return chosen;
        }

        private static @Nullable Source of(String word, boolean named) {
            for (Source source : values()) {
                if (source != TEXT
                        && source.named == named
                        && source.name()
                                .toLowerCase(Locale.ROOT)
                                .replace('_', '-')
                                .equals(word)) {
                    return source;
                }
            }
            return null;
        }
    }

    /**
     * One piece of a template.
     *
     * @param source the source of the value
     * @param name   the text itself, the name of the header, cookie, parameter, variable or bean, or the length of the
     *               prefix of addresses; empty for the others
     */
    public record Part(Source source, String name) {

        private static final String API_KEY_HEADER = "X-API-Key";
        private static final String IP_MARK = "{ip}";

        /** Returns the name of the header that contains the value. */
        String headerName() {
            return source == Source.API_KEY ? API_KEY_HEADER : name;
        }

        /**
         * Returns the start of keys with the value of this part, which distinguishes the values of different parts.
         * Parts that always have the same value have the same mark.
         */
        String mark() {
            return switch (source) {
                case IP -> name.isEmpty() ? IP_MARK : "{ip:" + name + "}";
                case PRINCIPAL, PRINCIPAL_OR_IP -> "{principal}";
                case API_KEY, HEADER -> "{header:" + headerName().toLowerCase(Locale.ROOT) + "}";
                default -> "{" + word() + (name.isEmpty() || source == Source.TEXT ? "" : ":" + name) + "}";
            };
        }

        private String word() {
            return source.name().toLowerCase(Locale.ROOT).replace('_', '-');
        }

        /** Returns the text form. */
        @Override
        public String toString() {
            return source == Source.TEXT ? name : "{" + word() + (name.isEmpty() ? "" : ":" + name) + "}";
        }
    }

    /**
     * Parses a template.
     *
     * @param text the text form, not empty
     * @return the template
     * @throws IllegalArgumentException if the text is malformed; the message contains the position and an example
     */
    public static KeyTemplate parse(String text) {
        List<Part> parts = new ArrayList<>();
        int position = 0;
        while (position < text.length()) {
            int open = text.indexOf('{', position);
            String plain = text.substring(position, open < 0 ? text.length() : open);
            if (plain.indexOf('}') >= 0) {
                throw wrong(text, "'}' without '{'", position + plain.indexOf('}'));
            }
            if (!plain.isEmpty()) {
                parts.add(new Part(Source.TEXT, plain));
            }
            if (open < 0) {
                break;
            }
            int close = text.indexOf('}', open);
            if (close < 0) {
                throw wrong(text, "'{' without '}'", open);
            }
            parts.add(placeholder(text, open, close));
            position = close + 1;
        }
        if (parts.isEmpty()) {
            throw new IllegalArgumentException("The key is empty" + EXAMPLE);
        }
        return new KeyTemplate(text, List.copyOf(parts));
    }

    /**
     * Returns whether the key is the same for all requests.
     *
     * @return {@code true} if it has no placeholder
     */
    public boolean isText() {
        return parts.stream().allMatch(part -> part.source() == Source.TEXT);
    }

    /**
     * Returns whether all clients share the key.
     *
     * @return {@code true} if it is <code>{global}</code>
     */
    public boolean isGlobal() {
        return parts.size() == 1 && parts.get(0).source() == Source.GLOBAL;
    }

    /**
     * Returns whether the key belongs to one WebSocket connection.
     *
     * @return {@code true} if it contains <code>{connection}</code>
     */
    public boolean isOfConnection() {
        return parts.stream().anyMatch(part -> part.source() == Source.CONNECTION);
    }

    /**
     * Returns whether a client can choose the key.
     *
     * @return {@code true} if the client chooses the value of a placeholder
     */
    public boolean isClientsChoice() {
        return parts.stream().anyMatch(part -> part.source().isClientsChoice());
    }

    private static Part placeholder(String text, int open, int close) {
        String inner = text.substring(open + 1, close);
        int colon = inner.indexOf(':');
        String word = colon < 0 ? inner : inner.substring(0, colon);
        String name = colon < 0 ? "" : inner.substring(colon + 1).trim();
        boolean range = word.trim().equals("ip") && colon >= 0;
        if (range && !IPV6_PREFIX.matcher(name).matches()) {
            throw wrong(text, "{" + inner + "} needs the length of an IPv6 prefix from 16 to 64", open);
        }
        Source source = range ? Source.IP : Source.of(word.trim(), colon >= 0);
        if (source == null) {
            throw wrong(text, "unknown placeholder {" + inner + "}", open);
        }
        if (colon >= 0 && name.isEmpty()) {
            throw wrong(text, "{" + inner + "} has no name", open);
        }
        if ((source == Source.HEADER || source == Source.COOKIE)
                && !TOKEN.matcher(name).matches()) {
            throw wrong(text, "{" + inner + "} has a name that no " + word.trim() + " can have", open);
        }
        return new Part(source, name);
    }

    private static IllegalArgumentException wrong(String text, String reason, int at) {
        return new IllegalArgumentException("\"" + text + "\": " + reason + " at character " + (at + 1) + EXAMPLE);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof KeyTemplate template && text.equals(template.text);
    }

    @Override
    public int hashCode() {
        return text.hashCode();
    }

    @Override
    public String toString() {
        return text;
    }
}
