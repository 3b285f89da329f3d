package io.github.micronautratelimit.limit;

import java.util.UUID;

/**
 * An open reservation: permits that are charged on an estimate and may be settled until it expires.
 *
 * @param id                unique, 128 bits
 * @param permits           the estimate, 0 or more
 * @param chargedAtMicros   the instant of the charge, in microseconds since the epoch
 * @param expiresAtMicros   the instant from which on it is not open any more
 * @param refundedAtExpiry  whether the permits are given back at that instant, rather than stay charged
 */
record Reserved(UUID id, long permits, long chargedAtMicros, long expiresAtMicros, boolean refundedAtExpiry) {

    /** Writes at most 37 bytes: 16 of the id, 6 of the permits, 8 of the charge and 7 of the time to live. */
    void write(StateCodec.Writer out) {
        out.word(id.getMostSignificantBits());
        out.word(id.getLeastSignificantBits());
        out.number(permits);
        out.number(chargedAtMicros);
        out.number(2 * (expiresAtMicros - chargedAtMicros) + (refundedAtExpiry ? 1 : 0));
    }

    static Reserved read(StateCodec.Reader in) {
        UUID id = new UUID(in.word(), in.word());
        long permits = in.number();
        long chargedAt = in.number();
        long life = in.number();
        return new Reserved(id, permits, chargedAt, chargedAt + life / 2, life % 2 == 1);
    }
}
