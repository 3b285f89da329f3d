package io.github.micronautratelimit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The form in which a store may keep states and send limits: few bytes, the first of which says how to read the rest.
 *
 * <p>What an older version of this library has written, a newer one reads. What only a newer one can read is refused,
 * never misread, so that instances of different versions may share a store while one replaces the other.
 */
public final class Wire {

    private static final int FORM = 1;
    /** Of places, which stores may keep beside states. */
    private static final int PLACES_FORM = 65;
    /** Of a state under a block: the instant at which that ends, and then all of the first form but the form. */
    private static final int BLOCKED_FORM = 2;

    private static final int TOKEN_BUCKET = 1;
    private static final int SLIDING_WINDOW = 2;
    private static final int FIXED_WINDOW = 3;

    private Wire() {
    }

    /**
     * Writes a state, with the limits in whose numbers it is written.
     *
     * @param state any state
     * @return what {@link #readState} reads
     */
    public static byte[] write(LimitState state) {
        boolean blocked = state.blockedUntil() != LimitState.NOT_BLOCKED;
        Writer out = new Writer(blocked ? BLOCKED_FORM : FORM);
        if (blocked) {
            out.number(state.blockedUntil());
        }
        List<SingleState> parts = state.parts();
        out.number(parts.size());
        for (SingleState part : parts) {
            write(part.limit(), out);
            part.write(out);
        }
        return out.bytes();
    }

    /**
     * Reads a state.
     *
     * @param bytes what {@link #write(LimitState)} has written, here or in an older version
     * @return the state
     * @throws IllegalArgumentException if the bytes are of a newer version, or no state
     */
    public static LimitState readState(byte[] bytes) {
        Reader in = new Reader(bytes, BLOCKED_FORM);
        if (in.form == BLOCKED_FORM) {
            long until = in.number();
            return readParts(in).blockedUntil(until);
        }
        return readParts(in);
    }

    private static LimitState readParts(Reader in) {
        int count = in.count();
        if (count == 1) {
            return readLimit(in).read(in);
        }
        List<SingleState> parts = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            parts.add(readLimit(in).read(in));
        }
        return SeveralStates.whole(parts);
    }

    /**
     * Writes limits.
     *
     * @param limits one or more
     * @return what {@link #readLimits} reads
     */
    public static byte[] write(List<Limit> limits) {
        Writer out = new Writer(FORM);
        out.number(limits.size());
        for (Limit limit : limits) {
            write(limit, out);
        }
        return out.bytes();
    }

    /**
     * Reads limits.
     *
     * @param bytes what {@link #write(List)} has written, here or in an older version
     * @return the limits in their order
     * @throws IllegalArgumentException if the bytes are of a newer version, or no limits
     */
    public static List<Limit> readLimits(byte[] bytes) {
        Reader in = new Reader(bytes, FORM);
        int count = in.count();
        List<Limit> limits = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            limits.add(readLimit(in));
        }
        return limits;
    }

    /**
     * Writes places.
     *
     * @param places who holds them
     * @return what {@link #readPlaces} reads
     */
    public static byte[] write(Places places) {
        Writer out = new Writer(PLACES_FORM);
        places.write(out);
        return out.bytes();
    }

    /**
     * Reads places.
     *
     * @param bytes what {@link #write(Places)} has written, here or in an older version
     * @return who holds them
     * @throws IllegalArgumentException if the bytes are of a newer version, or no places
     */
    public static Places readPlaces(byte[] bytes) {
        Reader in = new Reader(bytes, PLACES_FORM);
        if (in.form != PLACES_FORM) {
            throw new IllegalArgumentException("The store holds a state where places are expected.");
        }
        return Places.read(in);
    }

    /**
     * Whether places were written and no state.
     *
     * @param bytes what was written here or in another version
     * @return {@code true} if {@link #readPlaces} is to read it
     */
    public static boolean isPlaces(byte[] bytes) {
        return bytes.length > 0 && bytes[0] == PLACES_FORM;
    }

    private static void write(Limit limit, Writer out) {
        out.number(limit instanceof TokenBucket ? TOKEN_BUCKET
                : limit instanceof SlidingWindow ? SLIDING_WINDOW : FIXED_WINDOW);
        out.number(limit.permits());
        out.number(limit.periodMicros());
        if (limit instanceof TokenBucket bucket) {
            out.number(bucket.burst());
        }
    }

    private static Limit readLimit(Reader in) {
        int kind = (int) in.number();
        return switch (kind) {
            case TOKEN_BUCKET -> new TokenBucket(in.number(), in.number(), in.number());
            case SLIDING_WINDOW -> new SlidingWindow(in.number(), in.number());
            case FIXED_WINDOW -> new FixedWindow(in.number(), in.number());
            default -> throw new IllegalArgumentException(
                    "There is no kind of limit " + kind + ": the store holds something that is no state.");
        };
    }

    /** Writes numbers in groups of seven bits, lowest first; the high bit says that more follow (LEB128). */
    static final class Writer {

        private static final int LONGEST = 10;

        private byte[] bytes = new byte[48];
        private int end;

        private Writer(int form) {
            bytes[end++] = (byte) form;
        }

        void number(long number) {
            if (bytes.length - end < LONGEST) {
                bytes = Arrays.copyOf(bytes, 2 * bytes.length);
            }
            long left = number;
            while ((left & ~0x7fL) != 0) {
                bytes[end++] = (byte) (left | 0x80);
                left >>>= 7;
            }
            bytes[end++] = (byte) left;
        }

        private byte[] bytes() {
            return Arrays.copyOf(bytes, end);
        }
    }

    /** Reads what a {@link Writer} has written. */
    static final class Reader {

        private final byte[] bytes;
        private final int form;
        private int next;

        private Reader(byte[] bytes, int newest) {
            this.bytes = bytes;
            this.form = next();
            if (form < FORM || form > newest) {
                throw new IllegalArgumentException("The store holds, or sent, form " + form + " of a state or limit, "
                        + "written by a newer version of micronaut-ratelimit; this one reads up to form "
                        + newest + ": update this instance.");
            }
        }

        long number() {
            long number = 0;
            int shift = 0;
            int group = next();
            while (group < 0) {
                number |= (group & 0x7fL) << shift;
                shift += 7;
                group = next();
            }
            return number | (long) group << shift;
        }

        /** A number of things that follow, each of at least a byte. */
        int count() {
            long count = number();
            if (count < 0 || count > bytes.length - next) {
                throw tooShort();
            }
            return (int) count;
        }

        private int next() {
            if (next == bytes.length) {
                throw tooShort();
            }
            return bytes[next++];
        }

        private static IllegalArgumentException tooShort() {
            return new IllegalArgumentException(
                    "The bytes end too early: the store holds something that is no state.");
        }
    }
}
