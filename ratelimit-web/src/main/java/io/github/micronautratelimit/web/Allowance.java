package io.github.micronautratelimit.web;

import io.github.micronautratelimit.limit.LimitSet;
import java.util.Collection;
import java.util.List;
import java.util.Locale;

/**
 * The limits of a case or of a single key: limits, no limits at all, or a denial of every request. Immutable.
 *
 * @param kind   the kind
 * @param limits the limits; empty unless the kind is {@link Kind#LIMITED}
 */
public record Allowance(Kind kind, LimitSet limits) {

    /** The kind of an allowance. */
    public enum Kind {

        /** Limits decide. */
        LIMITED,

        /** Every request passes, without a decision. */
        UNLIMITED,

        /** Every request is denied, without a decision by the store. */
        DENIED
    }

    private static final LimitSet NONE = new LimitSet(List.of(), null);
    private static final Allowance UNLIMITED = new Allowance(Kind.UNLIMITED, NONE);
    private static final Allowance DENIED = new Allowance(Kind.DENIED, NONE);

    /**
     * Returns limits that decide.
     *
     * @param limits at least one limit
     * @return the allowance
     */
    public static Allowance of(LimitSet limits) {
        return new Allowance(Kind.LIMITED, limits);
    }

    /**
     * Reads limits, {@code unlimited} or {@code deny}.
     *
     * @param texts one or more limits each, or one of the two words alone
     * @return the allowance
     * @throws IllegalArgumentException if a text is malformed, there is none, or a word stands beside limits
     */
    public static Allowance parse(Collection<String> texts) {
        if (texts.isEmpty()) {
            throw new IllegalArgumentException(
                    "\"\" contains no limit; write one such as \"100/min\", or \"unlimited\" or \"deny\".");
        }
        String only = texts.size() == 1 ? texts.iterator().next().strip().toLowerCase(Locale.ROOT) : "";
        return switch (only) {
            case "unlimited" -> UNLIMITED;
            case "deny" -> DENIED;
            default -> new Allowance(Kind.LIMITED, LimitSet.parseAll(texts));
        };
    }

    /**
     * Returns whether limits decide.
     *
     * @return {@code false} if every request passes, or none
     */
    public boolean isLimited() {
        return kind == Kind.LIMITED;
    }

    /** Returns the text form, which {@link #parse} accepts. */
    @Override
    public String toString() {
        return switch (kind) {
            case LIMITED -> limits.toString();
            case UNLIMITED -> "unlimited";
            case DENIED -> "deny";
        };
    }
}
