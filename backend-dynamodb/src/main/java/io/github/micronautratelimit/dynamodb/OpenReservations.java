package io.github.micronautratelimit.dynamodb;

import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.anyOf;
import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.missing;

import io.github.micronautratelimit.dynamodb.DynamoDbTable.Update;
import io.github.micronautratelimit.limit.LimitState;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/**
 * The reservations of a key that are not settled, {@value #OPEN}, and an instant before which none of them expires,
 * {@value #EXPIRY}. Their permits are charged like any others. Callers that reserve and settle at the same time do not
 * conflict, because each reservation is an entry of its own in a map. An immutable value.
 *
 * @param firstExpiry no reservation expires before this instant, in microseconds since the epoch;
 *                    {@link Long#MAX_VALUE} without a map
 * @param open        in the order of their expiry
 */
record OpenReservations(long firstExpiry, List<Open> open) {

    static final OpenReservations NONE = new OpenReservations(Long.MAX_VALUE, List.of());

    private static final String OPEN = "o";
    private static final String EXPIRY = "e";

    private static final Base64.Encoder BASE64 = Base64.getUrlEncoder().withoutPadding();
    /** The bits of the instant of a charge in the first word of a reservation; the other 40 are its permits. */
    private static final int CHARGED_AT_BITS = 24;

    private static final long CHARGED_AT_MASK = (1L << CHARGED_AT_BITS) - 1;

    /** One reservation, with instants in microseconds since the epoch. */
    record Open(UUID id, long permits, long chargedAt, long expiresAt, boolean refundedAtExpiry) {

        private static Open read(String name, AttributeValue value) {
            ByteBuffer id = ByteBuffer.wrap(Base64.getUrlDecoder().decode(name));
            if (value.b() == null || id.remaining() != 2 * Long.BYTES) {
                throw LimitAttributes.unreadable("the attribute " + OPEN + " of an item does not contain reservations");
            }
            ByteBuffer numbers = value.b().asByteBuffer();
            long first = numbers.getLong();
            long chargedAt = (first & CHARGED_AT_MASK) << Integer.SIZE | Integer.toUnsignedLong(numbers.getInt());
            byte[] life = new byte[numbers.remaining()];
            numbers.get(life);
            long twice = new BigInteger(life).longValueExact();
            return new Open(
                    new UUID(id.getLong(), id.getLong()),
                    first >>> CHARGED_AT_BITS,
                    chargedAt,
                    chargedAt + twice / 2,
                    twice % 2 == 1);
        }

        private AttributeValue write() {
            byte[] life = BigInteger.valueOf(2 * (expiresAt - chargedAt) + (refundedAtExpiry ? 1 : 0))
                    .toByteArray();
            return AttributeValue.fromB(
                    SdkBytes.fromByteArray(ByteBuffer.allocate(Long.BYTES + Integer.BYTES + life.length)
                            .putLong(permits << CHARGED_AT_BITS | chargedAt >>> Integer.SIZE)
                            .putInt((int) chargedAt)
                            .put(life)
                            .array()));
        }

        private static String name(UUID id) {
            return BASE64.encodeToString(ByteBuffer.allocate(2 * Long.BYTES)
                    .putLong(id.getMostSignificantBits())
                    .putLong(id.getLeastSignificantBits())
                    .array());
        }

        /** Returns a state that counts the permits of this reservation, with the reservation. */
        LimitState addTo(LimitState state) {
            return state.withReservation(id, permits, chargedAt, expiresAt, refundedAtExpiry);
        }
    }

    static OpenReservations read(Map<String, AttributeValue> item) {
        if (!item.containsKey(OPEN)) {
            return NONE;
        }
        List<Open> open = new ArrayList<>();
        LimitAttributes.map(item, OPEN).forEach((name, value) -> open.add(Open.read(name, value)));
        return of(LimitAttributes.number(item, EXPIRY), open);
    }

    private static OpenReservations of(long firstExpiry, List<Open> open) {
        return new OpenReservations(
                firstExpiry,
                open.stream()
                        .sorted(Comparator.comparingLong(Open::expiresAt).thenComparing(Open::id))
                        .toList());
    }

    void write(Map<String, AttributeValue> item) {
        if (exists()) {
            Map<String, AttributeValue> entries = new HashMap<>();
            open.forEach(each -> entries.put(Open.name(each.id()), each.write()));
            item.put(OPEN, AttributeValue.fromM(entries));
            item.put(EXPIRY, LimitAttributes.value(firstExpiry));
        }
    }

    /** Returns whether the item has the map, which may be empty if reservations were settled at the same time. */
    boolean exists() {
        return firstExpiry != Long.MAX_VALUE;
    }

    int size() {
        return open.size();
    }

    @Nullable
    Open find(UUID id) {
        return open.stream().filter(each -> each.id().equals(id)).findAny().orElse(null);
    }

    List<Open> expiredAt(long now) {
        return open.stream().takeWhile(each -> each.expiresAt() <= now).toList();
    }

    /** Returns those that are open at an instant. */
    OpenReservations at(long now) {
        List<Open> left =
                open.stream().dropWhile(each -> each.expiresAt() <= now).toList();
        return left.isEmpty() ? NONE : new OpenReservations(left.get(0).expiresAt(), left);
    }

    /**
     * Returns the instant after which nothing depends on a reservation.
     *
     * @param lifeMicros the time for which the refund of a reservation that expires is remembered
     * @return 0 if there are no reservations
     */
    long lastInstant(long lifeMicros) {
        return open.stream()
                .mapToLong(each -> each.expiresAt() + (each.refundedAtExpiry() ? lifeMicros : 0))
                .max()
                .orElse(0);
    }

    OpenReservations with(Open added) {
        List<Open> more = new ArrayList<>(open);
        more.add(added);
        return of(Math.min(firstExpiry, added.expiresAt()), more);
    }

    OpenReservations without(UUID id) {
        List<Open> left = open.stream().filter(each -> !each.id().equals(id)).toList();
        return left.isEmpty() ? NONE : new OpenReservations(firstExpiry, left);
    }

    /** Requires that no reservation has expired, because expired ones may have to be refunded first. */
    static void requireUnexpired(Update update, long now) {
        update.require(anyOf(missing(EXPIRY), EXPIRY + " > " + update.number(now)));
    }

    static void requireNone(Update update) {
        update.require(missing(OPEN));
    }

    static void requireUnknown(Update update, UUID id) {
        update.require(missing(path(update, id)));
    }

    private static String path(Update update, UUID id) {
        return OPEN + "." + update.name(Open.name(id));
    }

    /**
     * Adds a reservation to an update.
     *
     * @param remembers whether the item may have reservations
     * @param most      the most open reservations
     */
    void add(Update update, Open added, boolean remembers, int most) {
        String expiry = update.number(added.expiresAt());
        if (!exists()) {
            if (remembers) {
                requireNone(update);
            }
            update.set(OPEN, update.value(AttributeValue.fromM(Map.of(Open.name(added.id()), added.write()))));
            update.set(EXPIRY, expiry);
            return;
        }
        String path = path(update, added.id());
        update.require(missing(path)).require("size(" + OPEN + ") < " + update.number(most));
        update.set(path, update.value(added.write()));
        if (added.expiresAt() < firstExpiry) {
            update.require(EXPIRY + " > " + expiry).set(EXPIRY, expiry);
        } else {
            update.require(EXPIRY + " <= " + expiry);
        }
    }

    /** Adds the removal of a reservation to an update. With the last one, the map is removed. */
    void remove(Update update, UUID id) {
        String path = path(update, id);
        update.require(Update.exists(path));
        if (open.size() == 1) {
            update.require("size(" + OPEN + ") = " + update.number(1))
                    .remove(OPEN)
                    .remove(EXPIRY);
        } else {
            update.remove(path);
        }
    }
}
