package io.github.micronautratelimit.web;

import io.github.micronautratelimit.KeyHash;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A case of a policy: conditions on a request, and the limits and the key of the requests that they match. Its text is
 * {@code anonymous: 60/h by {ip}}. Safe for use by any number of threads.
 */
public final class PolicyCase {

    private static final String SEPARATOR = ": ";
    private static final String BY = " by ";
    private static final String EXAMPLE = "; write a case like \"anonymous: 60/h by {ip}\" or \"otherwise: 100/h\".";
    private static final int MAX_NAME = 100;

    private final String name;
    private final List<CaseCondition> conditions;
    private final Allowance allowance;
    private final @Nullable KeyTemplate key;

    private PolicyCase(String name, List<CaseCondition> conditions, Allowance allowance, @Nullable KeyTemplate key) {
        this.name = name;
        this.conditions = conditions;
        this.allowance = allowance;
        this.key = key;
    }

    /**
     * Reads a case from one text: conditions, a colon and a space, limits, and {@code by} with a key template.
     *
     * @param text    for example {@code authenticated and method:POST: 100/h by {principal}}; without a key, that of
     *                the policy applies
     * @param context the path of the application, which the paths of requests start with; empty for the root
     * @return the case
     * @throws IllegalArgumentException if the text is malformed; the message says what to write
     */
    public static PolicyCase parse(String text, String context) {
        int end = text.indexOf(SEPARATOR);
        if (end < 0) {
            throw new IllegalArgumentException("\"" + text + "\" has no condition" + EXAMPLE);
        }
        String rest = text.substring(end + SEPARATOR.length());
        int by = rest.indexOf(BY);
        return of(
                List.of(text.substring(0, end)),
                List.of(by < 0 ? rest : rest.substring(0, by)),
                by < 0 ? null : rest.substring(by + BY.length()).strip(),
                context);
    }

    /**
     * Creates a case from its parts.
     *
     * @param when    the conditions, all of which must hold; {@code otherwise} for all requests that no earlier case
     *                matches
     * @param limits  limits, {@code unlimited} or {@code deny}
     * @param key     the key template, or {@code null} for that of the policy
     * @param context the path of the application; empty for the root
     * @return the case
     * @throws IllegalArgumentException if a part is malformed, or a key has no limits; the message says what to write
     */
    public static PolicyCase of(List<String> when, List<String> limits, @Nullable String key, String context) {
        if (when.isEmpty()) {
            throw new IllegalArgumentException("A case has no condition" + EXAMPLE);
        }
        List<CaseCondition> conditions = new CaseText(context).conditions(when);
        Allowance allowance = Allowance.parse(limits);
        KeyTemplate template = key == null ? null : KeyTemplate.parse(key);
        if (template != null) {
            LimitCheck.requireBraces(template);
            if (!allowance.isLimited()) {
                throw new IllegalArgumentException("The key \"" + key + "\" has no effect, because \"" + allowance
                        + "\" counts nothing; remove it.");
            }
        }
        return new PolicyCase(name(conditions), conditions, allowance, template);
    }

    /**
     * Creates the case of the requests that no other one matches, which has the name of its policy.
     *
     * @param allowance the limits of the policy
     * @return the case
     */
    public static PolicyCase ofPolicy(Allowance allowance) {
        return new PolicyCase("", List.of(), allowance, null);
    }

    /** Hashes names that a policy may not have. Spaces become underscores. */
    private static String name(List<CaseCondition> conditions) {
        String text = text(conditions).replace(CaseText.AND, "+");
        String name = text.replace(' ', '_');
        boolean valid = name.length() <= MAX_NAME
                && text.indexOf('_') < 0
                && name.chars().allMatch(c -> c > ' ' && c < 127 && c != '"' && c != '\\');
        return valid ? name : KeyHash.of(text);
    }

    private static String text(List<CaseCondition> conditions) {
        return conditions.isEmpty()
                ? CaseText.OTHERWISE
                : conditions.stream().map(Object::toString).collect(Collectors.joining(CaseText.AND));
    }

    /**
     * Returns the name of the policy that counts the requests of this case, so that cases never share permits.
     *
     * @param policy the name of the policy that the case belongs to
     * @return the name with that of the case after a colon, such as {@code api:anonymous}
     */
    public String policyName(String policy) {
        return name.isEmpty() ? policy : policy + ':' + name;
    }

    /**
     * Returns the conditions.
     *
     * @return their text, which {@link #parse} accepts before the colon
     */
    public String when() {
        return text(conditions);
    }

    /**
     * Returns the limits.
     *
     * @return limits, no limits, or a denial
     */
    public Allowance allowance() {
        return allowance;
    }

    /**
     * Returns the key template.
     *
     * @return the template; {@code null} for that of the policy
     */
    public @Nullable KeyTemplate key() {
        return key;
    }

    /**
     * Returns whether a condition is about roles or claims, which only some servers know.
     *
     * @return {@code true} if the case needs more of the user than the name
     */
    public boolean needsRoles() {
        return conditions.stream()
                .anyMatch(condition ->
                        condition instanceof CaseCondition.Role || condition instanceof CaseCondition.Claim);
    }

    /**
     * Returns what the conditions read of a request, beside its method, path, address and time, so that a program that
     * lacks a value can reject the case.
     *
     * @return the placeholders of keys for the same values; empty if there are none
     */
    public List<KeyTemplate.Part> placeholders() {
        List<KeyTemplate.Part> placeholders = new ArrayList<>();
        for (CaseCondition condition : conditions) {
            KeyTemplate.Part placeholder = condition.placeholder();
            if (placeholder != null) {
                placeholders.add(placeholder);
            }
        }
        return placeholders;
    }

    /**
     * Returns whether the name of a policy is that of a case of another one.
     *
     * @param policyName the name, as {@link #policyName} returns it
     * @param policy     the name of the other policy
     * @return {@code true} for {@code api:anonymous} and {@code api}
     */
    public static boolean isNameOfCase(String policyName, String policy) {
        return policyName.length() > policy.length()
                && policyName.startsWith(policy)
                && policyName.charAt(policy.length()) == ':';
    }

    List<CaseCondition> conditions() {
        return conditions;
    }

    /** Returns the ranges of clients, if the case has no other condition; otherwise an empty list. */
    List<AddressRange> onlyRanges() {
        return conditions.size() == 1 && conditions.get(0) instanceof CaseCondition.Client client
                ? client.ranges()
                : List.of();
    }

    /** Returns all ranges of clients in the conditions. */
    List<AddressRange> ranges() {
        List<AddressRange> ranges = new ArrayList<>();
        for (CaseCondition condition : conditions) {
            if (condition instanceof CaseCondition.Client client) {
                ranges.addAll(client.ranges());
            }
        }
        return ranges;
    }

    /** Returns whether this case matches every request that another one matches. */
    boolean covers(PolicyCase other) {
        return conditions.stream().allMatch(wide -> other.conditions.stream().anyMatch(wide::covers));
    }

    boolean isOnly(CaseCondition condition) {
        return conditions.equals(List.of(condition));
    }

    /** Returns the text form. */
    @Override
    public String toString() {
        return when() + SEPARATOR + allowance + (key == null ? "" : BY + key);
    }
}
