package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.web.Allowance;
import io.micronaut.core.annotation.Internal;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The limits that operators have set while the application runs, and the generations of the policies that they have
 * reset, as all instances read them from the store. Immutable.
 *
 * <p>The text form has a line with its version and a check of the secret of keys, one line for each override, and one
 * line for each generation: the policy, a tab and the number.
 */
@Internal
public final class OperatorOverrides {

    /** No overrides. */
    public static final OperatorOverrides NONE = new OperatorOverrides(List.of(), Map.of(), "");

    private static final String VERSION = "1 ";
    private static final Pattern GENERATION = Pattern.compile("([^\t]+)\t(\\d{1,18})");

    private final List<OperatorOverride> all;
    private final Map<String, Long> generations;
    private final String secretCheck;
    private final Map<String, Allowance> byPolicy = new HashMap<>();
    private final Map<String, Map<String, Allowance>> byKey = new HashMap<>();

    private OperatorOverrides(List<OperatorOverride> all, Map<String, Long> generations, String secretCheck) {
        this.all = all;
        this.generations = generations;
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
        List<OperatorOverride> all = new ArrayList<>();
        Map<String, Long> generations = new TreeMap<>();
        for (String line : lines.subList(1, lines.size())) {
            Matcher generation = GENERATION.matcher(line);
            if (generation.matches()) {
                generations.put(generation.group(1), Long.valueOf(generation.group(2)));
            } else {
                all.add(OperatorOverride.parse(line));
            }
        }
        return new OperatorOverrides(
                List.copyOf(all), Map.copyOf(generations), lines.get(0).substring(VERSION.length()));
    }

    /**
     * Returns the text form.
     *
     * @return the empty text if there are no overrides and no generations
     */
    public String text() {
        return isEmpty()
                ? ""
                : Stream.of(
                                Stream.of(VERSION + secretCheck),
                                all.stream().map(OperatorOverride::line),
                                new TreeMap<>(generations)
                                        .entrySet().stream().map(one -> one.getKey() + "\t" + one.getValue()))
                        .flatMap(lines -> lines)
                        .collect(Collectors.joining("\n"));
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
        return present.size() == all.size() ? this : new OperatorOverrides(present, generations, secretCheck);
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
        return new OperatorOverrides(List.copyOf(others), generations, secretCheck);
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
                all.stream().filter(one -> !one.isFor(policy, keyHash)).toList(), generations, secretCheck);
    }

    /**
     * Forgets what the keys of a policy have spent.
     *
     * @param policy the name of the policy
     * @param now    the present time. It makes the generation new, even if the text was lost before
     * @return the overrides with a higher generation of the policy
     */
    public OperatorOverrides withNewGeneration(String policy, Instant now) {
        Map<String, Long> others = new HashMap<>(generations);
        others.merge(policy, now.getEpochSecond(), (before, seconds) -> Math.max(before + 1, seconds));
        return new OperatorOverrides(all, Map.copyOf(others), secretCheck);
    }

    /**
     * Returns the generations of the policies that operators have reset.
     *
     * @return generations by the name of the policy
     */
    public Map<String, Long> generations() {
        return generations;
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
        return secretCheck.equals(check) ? this : new OperatorOverrides(all, generations, check);
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
        return all.isEmpty() && generations.isEmpty();
    }
}
