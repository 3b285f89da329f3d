package io.github.micronautratelimit;

import io.github.micronautratelimit.internal.Futures;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The outcomes of a request or call for which it stays charged, such as 401 and 403 for failed logins.
 * For every other outcome its permits are given back when the outcome is known.
 *
 * <p>A request is charged before it runs, so there are never more requests at the same time than the limits allow. An
 * outcome that is never known, because the client has disconnected or the caller has cancelled, stays charged.
 *
 * <p>An outcome is the status of a response, such as {@code 401}, a class of statuses, such as {@code 5xx}, or the full
 * name of an exception class, which also stands for its subclasses. Immutable.
 */
final class ChargeCondition {

    private static final Pattern STATUS = Pattern.compile("[1-5]([0-9]{2}|xx)");
    private static final Pattern CLASS = Pattern.compile("[\\p{Alpha}_$][\\w$]*(\\.[\\p{Alpha}_$][\\w$]*)*");
    private static final int STATUSES_PER_CLASS = 100;

    private final boolean chargedIfListed;
    private final List<String> outcomes;
    private final BitSet statuses = new BitSet();
    private final List<Class<?>> failures = new ArrayList<>();

    private ChargeCondition(boolean chargedIfListed, List<String> outcomes) {
        this.chargedIfListed = chargedIfListed;
        this.outcomes = List.copyOf(outcomes);
        if (outcomes.isEmpty()) {
            throw new IllegalArgumentException(
                    "There are no outcomes; write at least one, such as \"401\" or \"5xx\".");
        }
        for (String outcome : outcomes) {
            requireOutcome(outcome);
            if (!STATUS.matcher(outcome).matches()) {
                failures.add(failure(outcome));
            } else if (outcome.endsWith("xx")) {
                int first = Character.digit(outcome.charAt(0), 10) * STATUSES_PER_CLASS;
                statuses.set(first, first + STATUSES_PER_CLASS);
            } else {
                statuses.set(Integer.parseInt(outcome));
            }
        }
    }

    /**
     * Creates a condition that charges only requests of these outcomes.
     *
     * @throws IllegalArgumentException if there are none, or one is malformed or names no exception class
     */
    static ChargeCondition chargeOn(List<String> outcomes) {
        return new ChargeCondition(true, outcomes);
    }

    /**
     * Creates a condition that charges all requests but those of these outcomes.
     *
     * @throws IllegalArgumentException if there are none, or one is malformed or names no exception class
     */
    static ChargeCondition refundOn(List<String> outcomes) {
        return new ChargeCondition(false, outcomes);
    }

    /**
     * Rejects text that is neither a status nor the name of a class. Loads no class, so that it can run during
     * compilation.
     *
     * @throws IllegalArgumentException if the text is malformed
     */
    static void requireOutcome(String outcome) {
        if (!STATUS.matcher(outcome).matches() && !CLASS.matcher(outcome).matches()) {
            throw new IllegalArgumentException(
                    "The outcome \"" + outcome + "\" is neither a status nor the name of a class;"
                            + " write a status such as \"401\", a class of statuses such as \"5xx\", or the full name of an"
                            + " exception class.");
        }
    }

    private static Class<?> failure(String name) {
        Class<?> type;
        try {
            type = Class.forName(name, false, loader());
        } catch (ClassNotFoundException | LinkageError e) {
            throw new IllegalArgumentException(
                    "The outcome \"" + name
                            + "\" is not a class of this application; write the full name of an exception"
                            + " class, such as \"java.io.IOException\", or a status such as \"401\".",
                    e);
        }
        if (!Throwable.class.isAssignableFrom(type)) {
            throw new IllegalArgumentException("The outcome \"" + name
                    + "\" is not an exception class; write one, such as \"java.io.IOException\".");
        }
        return type;
    }

    private static ClassLoader loader() {
        ClassLoader ofThread = Thread.currentThread().getContextClassLoader();
        return ofThread == null ? ChargeCondition.class.getClassLoader() : ofThread;
    }

    /**
     * Returns whether a request of this outcome stays charged.
     *
     * @param status  the status of the response; 0 if there is none
     * @param failure the exception with which the request or call ended, or {@code null}
     * @return {@code false} if its permits are given back
     */
    boolean isCharged(int status, @Nullable Throwable failure) {
        boolean listed = statuses.get(Math.max(0, status)) || failure != null && isListed(Futures.unwrap(failure));
        return listed == chargedIfListed;
    }

    private boolean isListed(Throwable failure) {
        for (Class<?> type : failures) {
            if (type.isInstance(failure)) {
                return true;
            }
        }
        return false;
    }

    /** Returns whether the condition names an exception class, and so applies to calls that have no response. */
    boolean namesExceptions() {
        return !failures.isEmpty();
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof ChargeCondition condition
                && chargedIfListed == condition.chargedIfListed
                && outcomes.equals(condition.outcomes);
    }

    @Override
    public int hashCode() {
        return outcomes.hashCode() * 31 + Boolean.hashCode(chargedIfListed);
    }

    /** Returns the setting, for example {@code charge-on: 401, 403}. */
    @Override
    public String toString() {
        return (chargedIfListed ? "charge-on: " : "refund-on: ") + String.join(", ", outcomes);
    }
}
