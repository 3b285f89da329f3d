package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.web.Allowance;
import io.micronaut.core.annotation.Internal;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Limits that an operator has set for a key of a policy, or for all its keys.
 *
 * @param policy    the name of the policy, or of one of its cases
 * @param keyHash   the hash of the key; {@code null} for all keys
 * @param allowance the limits
 * @param until     the end, in whole seconds; {@code null} if an operator ends them
 */
@Internal
public record OperatorOverride(String policy, @Nullable String keyHash, Allowance allowance, @Nullable Instant until) {

    private static final String SEPARATOR = "\t";
    private static final String NONE = "-";
    private static final int FIELDS = 4;

    /** Reads the result of {@link #line()}; throws {@link IllegalArgumentException} if it is malformed. */
    static OperatorOverride parse(String line) {
        String[] fields = line.split(SEPARATOR, -1);
        if (fields.length != FIELDS) {
            throw new IllegalArgumentException(
                    "An override has " + fields.length + " fields instead of " + FIELDS + ".");
        }
        return new OperatorOverride(
                fields[0],
                fields[1].equals(NONE) ? null : fields[1],
                Allowance.parse(List.of(fields[3])),
                fields[2].equals(NONE) ? null : Instant.ofEpochSecond(Long.parseLong(fields[2])));
    }

    /** Returns the text form: the fields between tabs, which none of them contains. */
    String line() {
        return String.join(
                SEPARATOR,
                policy,
                keyHash == null ? NONE : keyHash,
                until == null ? NONE : Long.toString(until.getEpochSecond()),
                allowance.toString());
    }

    boolean isFor(String otherPolicy, @Nullable String otherHash) {
        return policy.equals(otherPolicy) && Objects.equals(keyHash, otherHash);
    }
}
