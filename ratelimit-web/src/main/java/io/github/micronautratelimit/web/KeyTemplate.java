package io.github.micronautratelimit.web;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

import org.jspecify.annotations.Nullable;

/**
 * A key as it is written: text and placeholders, for example <code>{ip}</code> or <code>{header:X-Tenant}/{path:id}</code>.
 * Immutable; equal if the text is.
 *
 * @param text  as written
 * @param parts the text and placeholders in order, at least one
 */
public record KeyTemplate(String text, List<Part> parts) {

    private static final String EXAMPLE = "; write a key like \"{ip}\", \"{principal-or-ip}\", \"{api-key}\", "
            + "\"{bearer-token}\", \"{header:X-Tenant}\", \"{cookie:NAME}\", \"{path:NAME}\", \"{bean:NAME}\" or "
            + "\"{global}\", with text around.";

    /** What a placeholder stands for. */
    public enum Source {

        /** Nothing in the request: the text itself. */
        TEXT(false, false),
        /** Nothing at all: everybody. */
        GLOBAL(false, false),
        /** The client's address. */
        IP(false, false),
        /** The name of the authenticated user. */
        PRINCIPAL(false, false),
        /** The name of the authenticated user, or the client's address. */
        PRINCIPAL_OR_IP(false, false),
        /** The header {@code X-API-Key}. */
        API_KEY(false, true),
        /** The bearer token of the header {@code Authorization} (RFC 6750), hashed. */
        BEARER_TOKEN(false, true),
        /** The length of the body in bytes, as its header says; of a WebSocket's message, its length. */
        BODY_SIZE(false, true),
        /** The WebSocket connection a message came over. */
        CONNECTION(false, false),
        /** A request header. */
        HEADER(true, true),
        /** A cookie. */
        COOKIE(true, true),
        /** A parameter of the query. */
        QUERY(true, true),
        /** A variable of the route's path. */
        PATH(true, true),
        /** What the application's own code finds. */
        BEAN(true, false);

        private final boolean named;
        private final boolean chosen;

        Source(boolean named, boolean chosen) {
            this.named = named;
            this.chosen = chosen;
        }

        /**
         * Whether a client may write what it likes.
         *
         * @return {@code false} if the connection, the authentication or the application says
         */
        public boolean isClientsChoice() {
            return chosen;
        }

        private static @Nullable Source of(String word, boolean named) {
            for (Source source : values()) {
                if (source != TEXT && source.named == named
                        && source.name().toLowerCase(Locale.ROOT).replace('_', '-').equals(word)) {
                    return source;
                }
            }
            return null;
        }
    }

    /**
     * One piece of a key.
     *
     * @param source what it stands for
     * @param name   the text itself, or the header's, cookie's, parameter's, variable's or bean's name; empty for the others
     */
    public record Part(Source source, String name) {

        /** As it is written. */
        @Override
        public String toString() {
            String word = source.name().toLowerCase(Locale.ROOT).replace('_', '-');
            return source == Source.TEXT ? name : "{" + word + (name.isEmpty() ? "" : ":" + name) + "}";
        }
    }

    /**
     * Reads a template.
     *
     * @param text the template, not empty
     * @return the template
     * @throws IllegalArgumentException if the text is no template; the message says where and what to write instead
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
     * Whether the key is the same whatever the request.
     *
     * @return {@code true} if it has no placeholder
     */
    public boolean isText() {
        return parts.stream().allMatch(part -> part.source() == Source.TEXT);
    }

    /**
     * Whether the key is everybody's.
     *
     * @return {@code true} if it is <code>{global}</code>
     */
    public boolean isEverybody() {
        return parts.size() == 1 && parts.get(0).source() == Source.GLOBAL;
    }

    /**
     * Whether the key is one of a single WebSocket connection.
     *
     * @return {@code true} if it names <code>{connection}</code>
     */
    public boolean isOfConnection() {
        return parts.stream().anyMatch(part -> part.source() == Source.CONNECTION);
    }

    /**
     * Whether a client may choose the key.
     *
     * @return {@code true} if a placeholder stands for what the client writes
     */
    public boolean isClientsChoice() {
        return parts.stream().anyMatch(part -> part.source().isClientsChoice());
    }

    private static Part placeholder(String text, int open, int close) {
        String inner = text.substring(open + 1, close);
        int colon = inner.indexOf(':');
        String word = colon < 0 ? inner : inner.substring(0, colon);
        String name = colon < 0 ? "" : inner.substring(colon + 1).trim();
        Source source = Source.of(word.trim(), colon >= 0);
        if (source == null) {
            throw wrong(text, "unknown placeholder {" + inner + "}", open);
        }
        if (colon >= 0 && name.isEmpty()) {
            throw wrong(text, "{" + inner + "} lacks a name", open);
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
