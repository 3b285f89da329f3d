package io.github.micronautratelimit;

import io.github.micronautratelimit.limit.LimitState;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The text form of a charge or a reservation: {@code id.permits.charged.expires.counter.hash.policy}. Times are
 * microseconds since the epoch. The name of the policy is last, because it may contain dots.
 */
record ReceiptText(
        UUID id,
        long permits,
        long chargedAtMicros,
        long expiresAtMicros,
        boolean local,
        String keyHash,
        String policy) {

    private static final int FIELDS = 7;

    private static final String CHARGE = "charge";
    private static final String RESERVATION = "reservation";

    /** Reads the text of a charge, which does not expire; see {@link #parse(String, String, Policy, String)}. */
    static ReceiptText ofCharge(String text, Policy policy, String keyHash) {
        return parse(CHARGE, text, policy, keyHash);
    }

    /** Reads the text of a reservation that was not denied; see {@link #parse(String, String, Policy, String)}. */
    static ReceiptText ofReservation(String text, Policy policy, String keyHash) {
        return parse(RESERVATION, text, policy, keyHash);
    }

    /**
     * Reads a text, which must belong to a policy and a key. One text is never both a charge and a reservation, because
     * its permits could be given back twice.
     *
     * @throws IllegalArgumentException if it is malformed, or belongs to another policy or key
     */
    private static ReceiptText parse(String kind, String text, Policy policy, String keyHash) {
        ReceiptText read = parse(kind, text);
        if (policy.ofStateName(read.policy) == null || !read.keyHash.equals(keyHash)) {
            throw new IllegalArgumentException("The text is a " + kind + " of another key or policy than \""
                    + policy.name() + "\"; pass the policy and the key of the request that was charged.");
        }
        return read;
    }

    /** Returns the policy with the state that was charged, which may be one of an earlier generation. */
    Policy policyOf(Policy present) {
        return Objects.requireNonNull(present.ofStateName(policy));
    }

    private static ReceiptText parse(String kind, String text) {
        String[] fields = text.split("\\.", FIELDS);
        try {
            if (fields.length == FIELDS) {
                ReceiptText read = new ReceiptText(
                        UUID.fromString(fields[0]),
                        Long.parseLong(fields[1]),
                        Long.parseLong(fields[2]),
                        Long.parseLong(fields[3]),
                        fields[4].equals("local"),
                        fields[5],
                        fields[6]);
                if (read.permits >= 0
                        && read.chargedAtMicros >= 0
                        && read.chargedAtMicros != LimitState.LATEST
                        && kind.equals(read.expiresAtMicros == 0 ? CHARGE : RESERVATION)
                        && read.toString().equals(text)) {
                    return read;
                }
            }
        } catch (IllegalArgumentException e) {
            throw malformed(kind, e);
        }
        throw malformed(kind, null);
    }

    private static IllegalArgumentException malformed(String kind, @Nullable Throwable cause) {
        return new IllegalArgumentException(
                "The text is not a " + kind + "; pass the result of its toString() as it is.", cause);
    }

    /**
     * Returns the decision that the text is about. Permits that counters of a process granted are not given back from a
     * text, because it may be read by another process.
     */
    Decision.Allowed decision() {
        return new Decision.Allowed(
                0,
                0,
                local ? Decision.Source.FALLBACK : Decision.Source.STORE,
                0,
                local ? Decision.Allowed.UNKNOWN_TIME : chargedAtMicros);
    }

    @Override
    public String toString() {
        return id + "." + permits + "." + chargedAtMicros + "." + expiresAtMicros + "." + (local ? "local" : "store")
                + "." + keyHash + "." + policy;
    }
}
