package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.web.Allowance;
import io.micronaut.core.annotation.Internal;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The limits that operators have set while the application runs, as all instances read them from the store. Immutable.
 *
 * <p>The text form has a line with its version and a check of the secret of keys, and one line for each override.
 */
@Internal
public final class OperatorOverrides {

    /** No overrides. */
    public static final OperatorOverrides NONE = new OperatorOverrides(List.of(), "");

    private static final String VERSION = "1 ";

    private final List<OperatorOverride> all;
    private final String secretCheck;
    private final Map<String, Allowance> byPolicy = new HashMap<>();
    private final Map<String, Map<String, Allowance>> byKey = new HashMap<>();

    private OperatorOverrides(List<OperatorOverride> all, String secretCheck) {
        this.all = all;
        this.secretCheck = secretCheck;
        for (OperatorOverride one : all) {
            if (one.keyHash() == null) {
                byPolicy.put(one.policy(), one.allowance());
            } else {
                byKey.computeIfAbsent(one.policy(), name -> new HashMap<>()).put(one.keyHash(), one.allowance());
            }
        }
    }

    /**
     * Reads a text form.
     *
     * @param text the result of {@link #text()}, or the empty text
     * @return the overrides
     * @throws IllegalArgumentException if the text is malformed, or of another version of this library
     */
    public static OperatorOverrides parse(String text) {
        if (text.isEmpty()) {
            return NONE;
        }
        List<String> lines = text.lines().toList();
        if (!lines.get(0).startsWith(VERSION)) {
            throw new IllegalArgumentException(
                    "Another version of this library has written the overrides; update all instances.");
        }
        return new OperatorOverrides(
                lines.stream().skip(1).map(OperatorOverride::parse).toList(),
                lines.get(0).substring(VERSION.length()));
    }

    /**
     * Returns the text form.
     *
     * @return the empty text if there are no overrides
     */
    public String text() {
        return all.isEmpty()
                ? ""
                : VERSION
                        + secretCheck
                        + '\n'
                        + all.stream().map(OperatorOverride::line).collect(Collectors.joining("\n"));
    }

    /**
     * Returns all overrides.
     *
     * @return in the order in which they were set
     */
    public List<OperatorOverride> all() {
        return all;
    }

    /**
     * Returns the overrides that have not ended.
     *
     * @param now the present time
     * @return the same overrides if none has ended
     */
    public OperatorOverrides at(Instant now) {
        List<OperatorOverride> present = all.stream()
                .filter(one -> one.until() == null || one.until().isAfter(now))
                .toList();
        return present.size() == all.size() ? this : new OperatorOverrides(present, secretCheck);
    }

    /**
     * Sets limits, in place of those of the same policy and key.
     *
     * @param override the limits
     * @return the overrides with it
     */
    public OperatorOverrides with(OperatorOverride override) {
        List<OperatorOverride> others = new ArrayList<>(without(override.policy(), override.keyHash()).all);
        others.add(override);
        return new OperatorOverrides(List.copyOf(others), secretCheck);
    }

    /**
     * Removes limits.
     *
     * @param policy  the name of the policy
     * @param keyHash the hash of the key, or {@code null} for those of all keys
     * @return the overrides without them
     */
    public OperatorOverrides without(String policy, @Nullable String keyHash) {
        return new OperatorOverrides(
                all.stream().filter(one -> !one.isFor(policy, keyHash)).toList(), secretCheck);
    }

    /**
     * Returns the overrides of instances whose keys are hashed with a secret.
     *
     * @param check the hash of a constant with that secret
     * @return the overrides, whose text contains the check
     * @throws IllegalArgumentException if there are overrides of keys that are hashed with another secret
     */
    public OperatorOverrides hashedWith(String check) {
        if (!byKey.isEmpty() && !secretCheck.equals(check)) {
            throw new IllegalArgumentException("The overrides in the store are for keys that are hashed with another"
                    + " ratelimit.secret; give all instances the same one.");
        }
        return secretCheck.equals(check) ? this : new OperatorOverrides(all, check);
    }

    /**
     * Returns the limits of a policy or of one of its keys.
     *
     * @param policy  the name of the policy
     * @param keyHash the hash of the key, or {@code null} for those of all keys
     * @return the limits; {@code null} if there are none
     */
    public @Nullable Allowance find(String policy, @Nullable String keyHash) {
        return keyHash == null
                ? byPolicy.get(policy)
                : byKey.getOrDefault(policy, Map.of()).get(keyHash);
    }

    /** Returns whether keys of a policy have limits of their own. */
    boolean hasKeysOf(String policy) {
        return byKey.containsKey(policy);
    }

    boolean isEmpty() {
        return all.isEmpty();
    }
}
