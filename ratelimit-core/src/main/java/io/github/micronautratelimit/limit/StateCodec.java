package io.github.micronautratelimit.limit;

import io.github.micronautratelimit.limit.FixedWindow.CalendarPeriod;
import java.time.DateTimeException;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Encodes states and limits as bytes, for stores that keep or send them as such. The first byte is the form of the
 * rest.
 *
 * <p>A newer version of this library reads the bytes of an older one. An older version rejects newer forms and never
 * misreads them, so instances of both versions may share a store during an update.
 */
public final class StateCodec {

    private static final int FORM = 1;
    /** Slots, which a store may keep beside states. */
    private static final int SLOTS_FORM = 65;
    /** A blocked state: the end of the block, then the state in the first form without its first byte. */
    private static final int BLOCKED_FORM = 2;
    /** A state with open reservations: the end of the block or 0, the reservations, then as in the first form. */
    private static final int RESERVED_FORM = 3;

    /** Limits of which one or more are calendar quotas, or a state of such, as in the first or the third form. */
    private static final int CALENDAR_FORM = 4;

    private static final int TOKEN_BUCKET = 1;
    private static final int SLIDING_WINDOW = 2;
    private static final int FIXED_WINDOW = 3;
    /** A token bucket that has had refunds. Only states have this kind. */
    private static final int REFUNDED_BUCKET = 4;

    private static final int CALENDAR_WINDOW = 5;
    /** The units of calendar periods. The position is stored, so new ones go to the end. */
    private static final List<ChronoUnit> CALENDAR_UNITS =
            List.of(ChronoUnit.DAYS, ChronoUnit.WEEKS, ChronoUnit.MONTHS, ChronoUnit.YEARS);

    private StateCodec() {}

    /**
     * Encodes a state together with its limits.
     *
     * @param state any state
     * @return the bytes for {@link #readState}
     */
    public static byte[] write(LimitState state) {
        boolean blocked = state.blockedUntil() != LimitState.NOT_BLOCKED;
        List<Reserved> reservations = state.openReservations();
        List<SingleLimitState> parts = state.parts();
        boolean calendar = false;
        for (SingleLimitState part : parts) {
            calendar |= isCalendar(part.limit());
        }
        int form = calendar ? CALENDAR_FORM : !reservations.isEmpty() ? RESERVED_FORM : blocked ? BLOCKED_FORM : FORM;
        Writer out = new Writer(form);
        if (form != FORM) {
            out.number(blocked ? state.blockedUntil() : 0);
        }
        if (form == RESERVED_FORM || form == CALENDAR_FORM) {
            out.number(reservations.size());
            reservations.forEach(reservation -> reservation.write(out));
        }
        out.number(parts.size());
        for (SingleLimitState part : parts) {
            boolean refunded = part instanceof TokenBucket.State bucket && bucket.isRefunded();
            write(refunded ? REFUNDED_BUCKET : kindOf(part.limit()), part.limit(), out);
            part.write(out);
        }
        return out.bytes();
    }

    /**
     * Decodes a state.
     *
     * @param bytes the result of {@link #write(LimitState)}, of this or an older version
     * @return the state
     * @throws IllegalArgumentException if the bytes are of a newer version, or not a state
     */
    public static LimitState readState(byte[] bytes) {
        Reader in = new Reader(bytes, CALENDAR_FORM);
        if (in.form == FORM) {
            return readParts(in);
        }
        long until = in.number();
        List<Reserved> reservations = new ArrayList<>();
        for (int left = in.form == BLOCKED_FORM ? 0 : in.count(); left > 0; left--) {
            reservations.add(Reserved.read(in));
        }
        LimitState state = readParts(in);
        return ReservedState.whole(until == 0 ? state : state.blockedUntil(until), reservations);
    }

    private static LimitState readParts(Reader in) {
        int count = in.count();
        if (count == 1) {
            return readPart(in);
        }
        List<SingleLimitState> parts = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            parts.add(readPart(in));
        }
        return CompositeState.whole(parts);
    }

    private static SingleLimitState readPart(Reader in) {
        int kind = (int) in.number();
        Limit limit = readLimit(kind == REFUNDED_BUCKET ? TOKEN_BUCKET : kind, in);
        return kind == REFUNDED_BUCKET && limit instanceof TokenBucket bucket
                ? bucket.readRefunded(in)
                : limit.read(in);
    }

    /**
     * Encodes limits.
     *
     * @param limits one or more
     * @return the bytes for {@link #readLimits}
     */
    public static byte[] write(List<Limit> limits) {
        Writer out = new Writer(limits.stream().anyMatch(StateCodec::isCalendar) ? CALENDAR_FORM : FORM);
        out.number(limits.size());
        for (Limit limit : limits) {
            write(kindOf(limit), limit, out);
        }
        return out.bytes();
    }

    /**
     * Decodes limits.
     *
     * @param bytes the result of {@link #write(List)}, of this or an older version
     * @return the limits in their order
     * @throws IllegalArgumentException if the bytes are of a newer version, or not limits
     */
    public static List<Limit> readLimits(byte[] bytes) {
        Reader in = new Reader(bytes, CALENDAR_FORM);
        int count = in.count();
        List<Limit> limits = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            limits.add(readLimit((int) in.number(), in));
        }
        return limits;
    }

    /**
     * Encodes slots.
     *
     * @param slots the holders of a key
     * @return the bytes for {@link #readSlots}
     */
    public static byte[] write(SlotState slots) {
        Writer out = new Writer(SLOTS_FORM);
        slots.write(out);
        return out.bytes();
    }

    /**
     * Decodes slots.
     *
     * @param bytes the result of {@link #write(SlotState)}, of this or an older version
     * @return the holders of a key
     * @throws IllegalArgumentException if the bytes are of a newer version, or not slots
     */
    public static SlotState readSlots(byte[] bytes) {
        Reader in = new Reader(bytes, SLOTS_FORM);
        if (in.form != SLOTS_FORM) {
            throw new IllegalArgumentException("The store contains a state of permits where slots are expected.");
        }
        return SlotState.read(in);
    }

    /**
     * Returns whether bytes contain slots rather than a state.
     *
     * @param bytes the result of a {@code write} method of any version
     * @return {@code true} if {@link #readSlots} applies
     */
    public static boolean isSlots(byte[] bytes) {
        return bytes.length > 0 && bytes[0] == SLOTS_FORM;
    }

    private static boolean isCalendar(Limit limit) {
        return kindOf(limit) == CALENDAR_WINDOW;
    }

    private static int kindOf(Limit limit) {
        if (limit instanceof FixedWindow window) {
            return window.calendar() == null ? FIXED_WINDOW : CALENDAR_WINDOW;
        }
        return limit instanceof TokenBucket ? TOKEN_BUCKET : SLIDING_WINDOW;
    }

    private static void write(int kind, Limit limit, Writer out) {
        out.number(kind);
        out.number(limit.permits());
        CalendarPeriod period = limit instanceof FixedWindow window ? window.calendar() : null;
        if (period != null) {
            out.number(CALENDAR_UNITS.indexOf(period.unit()));
            out.number(period.first());
            out.text(period.zone().getId());
            return;
        }
        out.number(limit.periodMicros());
        if (limit instanceof TokenBucket bucket) {
            out.number(bucket.burst());
        }
    }

    private static Limit readLimit(int kind, Reader in) {
        return switch (kind) {
            case TOKEN_BUCKET -> new TokenBucket(in.number(), in.number(), in.number());
            case SLIDING_WINDOW -> new SlidingWindow(in.number(), in.number());
            case FIXED_WINDOW -> new FixedWindow(in.number(), in.number());
            case CALENDAR_WINDOW -> new FixedWindow(in.number(), readPeriod(in));
            default -> throw new IllegalArgumentException(
                    "Unknown kind of limit " + kind + ": the store contains bytes that are not a state.");
        };
    }

    private static CalendarPeriod readPeriod(Reader in) {
        long unit = in.number();
        long first = in.number();
        String zone = in.text();
        if (unit < 0 || unit >= CALENDAR_UNITS.size() || first != (int) first) {
            throw new IllegalArgumentException(
                    "Unknown calendar period " + unit + ": the store contains bytes that are not a state.");
        }
        try {
            return new CalendarPeriod(CALENDAR_UNITS.get((int) unit), (int) first, ZoneId.of(zone));
        } catch (DateTimeException e) {
            throw new IllegalArgumentException(
                    "The time zone \"" + zone + "\" of a calendar quota is not known to this "
                            + "Java runtime, whose time-zone rules are older than those of another instance; update it.",
                    e);
        }
    }

    /** Writes numbers in groups of seven bits, lowest first. The high bit marks that more groups follow (LEB128). */
    static final class Writer {

        private static final int MAX_BYTES = 10;

        private byte[] bytes = new byte[48];
        private int end;

        private Writer(int form) {
            bytes[end++] = (byte) form;
        }

        void number(long number) {
            if (bytes.length - end < MAX_BYTES) {
                bytes = Arrays.copyOf(bytes, 2 * bytes.length);
            }
            long left = number;
            while ((left & ~0x7fL) != 0) {
                bytes[end++] = (byte) (left | 0x80);
                left >>>= 7;
            }
            bytes[end++] = (byte) left;
        }

        /** Writes the eight bytes of a random number. */
        void word(long word) {
            if (bytes.length - end < MAX_BYTES) {
                bytes = Arrays.copyOf(bytes, 2 * bytes.length);
            }
            for (int shift = Long.SIZE - Byte.SIZE; shift >= 0; shift -= Byte.SIZE) {
                bytes[end++] = (byte) (word >>> shift);
            }
        }

        /** Writes a text of ASCII characters. */
        void text(String text) {
            number(text.length());
            text.chars().forEach(this::number);
        }

        private byte[] bytes() {
            return Arrays.copyOf(bytes, end);
        }
    }

    /** Reads the bytes of a {@link Writer}. */
    static final class Reader {

        private final byte[] bytes;
        private final int form;
        private int next;

        private Reader(byte[] bytes, int newest) {
            this.bytes = bytes;
            this.form = next();
            if (form < FORM || form > newest) {
                throw new IllegalArgumentException("The store contains or sent form " + form + " of a state or limit, "
                        + "written by a newer version of micronaut-ratelimit. This version reads up to form " + newest
                        + "; update this instance.");
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

        long word() {
            long word = 0;
            for (int i = 0; i < Long.BYTES; i++) {
                word = word << Byte.SIZE | next() & 0xff;
            }
            return word;
        }

        String text() {
            StringBuilder text = new StringBuilder();
            for (int left = count(); left > 0; left--) {
                text.append((char) number());
            }
            return text.toString();
        }

        /** Reads the number of following elements, which have at least a byte each. */
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
                    "The bytes end too early: the store contains bytes that are not a state.");
        }
    }
}
