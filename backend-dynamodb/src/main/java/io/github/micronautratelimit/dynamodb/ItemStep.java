package io.github.micronautratelimit.dynamodb;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.Reservation.Settlement;
import io.github.micronautratelimit.Reservation.Step;
import io.github.micronautratelimit.dynamodb.DynamoDbTable.Update;
import io.github.micronautratelimit.dynamodb.LimitAttributes.Change;
import io.github.micronautratelimit.dynamodb.OpenReservations.Open;
import io.github.micronautratelimit.limit.LimitState;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A step on one key: a refund, a reservation or a settlement. The core decides its effect on the state of an item. It
 * is written as an update that does exactly this to any item for which the conditions hold, or as a whole item.
 *
 * @param <T> the type of the answer
 */
sealed interface ItemStep<T> {

    /**
     * The update of an item.
     *
     * @param item    the item as the caller has seen it, of the limits of the policy, not blocked, without reservations
     *                that have expired
     * @param certain whether the item was read by the same call, and not cached earlier
     */
    record InPlace(Update update, Policy policy, Item item, long now, long version, boolean certain) {

        /** Adds a charge to the update, if there is room for it. For nothing there always is. */
        private boolean charges(long permits, long maxDebt) {
            if (!item.hasRoom(permits, maxDebt, now)) {
                return false;
            }
            Change asked = change(permits, maxDebt, LimitState.LATEST);
            Change charge = permits == 0 ? asked.ofNothing() : asked;
            for (int i = 0; i < item.attributes().size(); i++) {
                item.attributes().get(i).charge(update, i, charge);
            }
            return true;
        }

        /** Adds a refund to the update, if every limit can. The refund of a key without an item changes nothing. */
        private boolean refunds(long permits, long chargedAt) {
            if (item.version() == null) {
                return false;
            }
            if (!item.remembers()) {
                update.require(Update.exists(DynamoDbTable.KEY));
            }
            Change refund = change(permits, 0, chargedAt);
            for (int i = 0; i < item.attributes().size(); i++) {
                if (!item.attributes().get(i).refund(update, i, refund)) {
                    return false;
                }
            }
            return true;
        }

        private Change change(long permits, long maxDebt, long chargedAt) {
            return new Change(
                    permits, maxDebt, chargedAt, now, version, item.attributes().size(), certain, item.remembers());
        }
    }

    /** Decides the step on an item. The next state is {@code null} if nothing changes. */
    Step<T> decide(Policy policy, Item item, long now);

    /** Returns the answer if others have changed the key since it was decided. */
    T answer(T decided, LimitState after, long now);

    /** Returns an item of the present after the step. */
    Item applied(Policy policy, Item item, long now, long version);

    /**
     * Adds the step to an update, if it can be written so that it is correct for any stored item.
     *
     * @return whether it was added
     */
    boolean addTo(InPlace place);

    /** Returns whether an item shows that the step was made by a write of which no response came. */
    default boolean isMadeIn(Item found, long version) {
        return found.hasVersion(version);
    }

    /** Returns whether an item shows that the step was not made by a write of which no response came. */
    default boolean isMissingIn(Item found, Item before, long version) {
        return found.isOlderThan(version, before.version());
    }

    /** Gives back permits. The answer is the state. */
    record Refund(long permits, long chargedAt) implements ItemStep<LimitState> {

        @Override
        public Step<LimitState> decide(Policy policy, Item item, long now) {
            LimitState state = item.state(policy, now);
            return item.version() == null
                    ? new Step<>(state, null)
                    : new Step<>(state, state.refund(permits, chargedAt));
        }

        @Override
        public LimitState answer(LimitState decided, LimitState after, long now) {
            return after;
        }

        @Override
        public Item applied(Policy policy, Item item, long now, long version) {
            return item.refunded(permits, chargedAt, now);
        }

        @Override
        public boolean addTo(InPlace place) {
            return place.refunds(permits, chargedAt);
        }
    }

    /** Charges an estimate and adds a reservation. Its id makes the step repeatable. */
    record Reserve(UUID id, long permits, long ttlMicros) implements ItemStep<Decision> {

        @Override
        public Step<Decision> decide(Policy policy, Item item, long now) {
            LimitState state = item.state(policy, now);
            OpenReservations open = item.reservations().at(now);
            Open same = open.find(id);
            if (same != null) {
                state = same.addTo(state);
            } else if (open.size() >= policy.reservations().maxOpen()) {
                for (Open other : open.open()) {
                    state = other.addTo(state);
                }
            }
            return Reservation.reserve(state, id, permits, ttlMicros, policy.reservations(), now);
        }

        @Override
        public Decision answer(Decision decided, LimitState after, long now) {
            return Decision.allowed(after, now);
        }

        @Override
        public Item applied(Policy policy, Item item, long now, long version) {
            return item.chargedBeyond(permits, 0, now, version)
                    .with(item.reservations().with(added(policy, now)));
        }

        private Open added(Policy policy, long now) {
            return new Open(
                    id, permits, now, now + ttlMicros, policy.reservations().refundedAtExpiry());
        }

        @Override
        public boolean addTo(InPlace place) {
            if (!place.charges(permits, 0)) {
                return false;
            }
            place.item()
                    .reservations()
                    .add(
                            place.update(),
                            added(place.policy(), place.now()),
                            place.item().remembers(),
                            place.policy().reservations().maxOpen());
            return true;
        }

        @Override
        public boolean isMadeIn(Item found, long version) {
            return found.reservations().find(id) != null;
        }

        @Override
        public boolean isMissingIn(Item found, Item before, long version) {
            return found.reservations().find(id) == null;
        }
    }

    /** Ends a reservation with the permits that were really used. */
    record Settle(Reservation.Receipt receipt, long actual) implements ItemStep<Settlement> {

        @Override
        public Step<Settlement> decide(Policy policy, Item item, long now) {
            LimitState state = item.state(policy, now);
            Open open = openIn(item, now);
            return Reservation.settle(
                    open == null ? state : open.addTo(state), receipt, actual, policy.reservations(), now);
        }

        private @Nullable Open openIn(Item item, long now) {
            return item.reservations().at(now).find(receipt.id());
        }

        @Override
        public Settlement answer(Settlement decided, LimitState after, long now) {
            return Settlement.of(decided.outcome(), after, now);
        }

        @Override
        public Item applied(Policy policy, Item item, long now, long version) {
            Open open = openIn(item, now);
            long maxDebt = policy.reservations().maxDebt();
            if (open == null) {
                return item.chargedBeyond(missingLate(policy), maxDebt, now, version);
            }
            Item settled = actual > open.permits()
                    ? item.chargedBeyond(actual - open.permits(), maxDebt, now, version)
                    : item.refunded(open.permits() - actual, open.chargedAt(), now);
            return settled.with(item.reservations().without(open.id()));
        }

        /** Returns the permits that are still to be charged after the reservation has expired. */
        private long missingLate(Policy policy) {
            return Math.max(0, actual - (policy.reservations().refundedAtExpiry() ? 0 : receipt.permits()));
        }

        @Override
        public boolean addTo(InPlace place) {
            Open open = openIn(place.item(), place.now());
            long maxDebt = place.policy().reservations().maxDebt();
            if (open == null) {
                if (place.item().remembers()) {
                    OpenReservations.requireUnknown(place.update(), receipt.id());
                }
                // The debt of an unseen key is not known, and with it the time for which the item has to stay.
                return (place.certain() || place.item().version() != null)
                        && place.charges(missingLate(place.policy()), maxDebt);
            }
            place.item().reservations().remove(place.update(), open.id());
            return actual > open.permits()
                    ? place.charges(actual - open.permits(), maxDebt)
                    : place.refunds(open.permits() - actual, open.chargedAt());
        }

        @Override
        public boolean isMissingIn(Item found, Item before, long version) {
            return ItemStep.super.isMissingIn(found, before, version)
                    || found.reservations().find(receipt.id()) != null;
        }
    }
}
