package io.github.micronautratelimit.dynamodb;

import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.allOf;
import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.anyOf;
import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.exists;
import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.missing;
import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.orDefault;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.Reservation.Step;
import io.github.micronautratelimit.dynamodb.DynamoDbTable.Update;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.limit.LimitState;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ReturnValue;

/**
 * One change of one item: the charge of several requests, a refund, a step of a reservation or a block.
 *
 * <p>It is attempted on the item as this process has seen it last. If a condition fails, DynamoDB returns the item as
 * it is. The change is decided again on that item, for the same instant: it is denied, or attempted again. A denial
 * that is predicted is a read instead, because a read costs a fifth of a failed write. On an item that remembers, a
 * change that was overtaken by one of a later instant fails too; it is decided again for the present instant.
 */
final class ItemChange {

    /** A failed attempt means that another caller succeeded, so this many in a row point to an error. */
    private static final int MAX_ATTEMPTS = 50;

    /** The limits that fit into one expression. With more, the item is read and replaced. */
    private static final int MAX_LIMITS_IN_PLACE = 8;

    private final DynamoDbTable table;
    private final ItemCache cache;
    private final Policy policy;
    private final String key;
    private long now;
    private int attempts;

    ItemChange(DynamoDbTable table, ItemCache cache, Policy policy, String key, long now) {
        this.table = table;
        this.cache = cache;
        this.policy = policy;
        this.key = key;
        this.now = now;
    }

    CompletionStage<List<Decision>> acquire(List<Long> costs) {
        return acquire(costs, cache.get(key), false);
    }

    /**
     * Acquires on a known item.
     *
     * @param certain whether the item was read, or returned by a failed attempt, in this call
     */
    private CompletionStage<List<Decision>> acquire(List<Long> costs, @Nullable Item known, boolean certain) {
        Item item = known == null ? Item.blank(policy) : known;
        Batch batch = Batch.decide(policy, costs, item, now);
        if (certain && batch.granted() == 0) {
            return CompletableFuture.completedStage(batch.decisions());
        }
        boolean inPlace = isInPlace(known);
        if (!certain && (!inPlace || batch.granted() == 0 || batch.hasTemporaryDenial())) {
            return read().thenCompose(found -> acquire(costs, found, true));
        }
        if (!certain && isBadBet(item)) {
            return read().thenCompose(found -> {
                learn(item, found);
                // Fewer changes of a later instant overtake the write.
                now = Math.max(now, table.micros());
                return acquire(costs, found, true);
            });
        }
        if (inPlace) {
            return charge(costs, item, batch, certain);
        }
        Item at = item.at(policy, now);
        long version = table.newVersion();
        return replace(
                        item,
                        at.charged(at, batch.granted(), now, version),
                        version,
                        found -> found.hasVersion(version),
                        found -> found.isOlderThan(version, item.version()))
                .thenCompose(found -> found == null
                        ? CompletableFuture.completedStage(batch.decisions())
                        : acquire(costs, found, true));
    }

    /** Returns whether a charge of an item bets on an empty window while such bets are often lost. */
    private boolean isBadBet(Item item) {
        return item.isBetOnEmpty(now) && cache.bets(policy.name()).areDearerThanReads();
    }

    /** Learns from an item what a request on the item that was assumed is worth. */
    private void learn(Item assumed, Item found) {
        if (assumed.isBetOnEmpty(now)) {
            cache.bets(policy.name()).made(!found.isBetOnEmpty(now));
        }
    }

    private CompletionStage<List<Decision>> charge(List<Long> costs, Item item, Batch batch, boolean certain) {
        long version = table.newVersion();
        Item after = item.charged(item, batch.granted(), now, version);
        Update update = update(item, after, version);
        if (batch.hasTemporaryDenial()) {
            // A denial between grants holds for this item only: a refund in the meantime might make room for it.
            update.require(
                    item.version() == null
                            ? missing(DynamoDbTable.KEY)
                            : Item.VERSION + " = " + update.number(Long.parseLong(item.version())));
        }
        var charge = new LimitAttributes.Change(
                batch.granted(),
                0,
                LimitState.LATEST,
                now,
                version,
                item.attributes().size(),
                certain,
                item.remembers());
        for (int i = 0; i < item.attributes().size(); i++) {
            item.attributes().get(i).charge(update, i, charge);
        }
        expire(update, item, after);
        return written(
                        () -> table.updateOnce(key, update, ReturnValue.ALL_OLD),
                        found -> found.hasVersion(version),
                        found -> found.isOlderThan(version, item.version()))
                .thenCompose(outcome -> {
                    Item found = Item.read(outcome.item(), policy);
                    learn(item, found);
                    if (outcome.written()) {
                        cache.put(key, found.charged(item, batch.granted(), now, version));
                        return CompletableFuture.completedStage(
                                batch.settledOn(found).decisions());
                    }
                    cache.put(key, found);
                    if (found.hasVersion(version)) {
                        // The update was made, although its response was lost or somebody delivered it twice.
                        Item before = found.refunded(batch.granted(), LimitState.LATEST, now);
                        return CompletableFuture.completedStage(
                                batch.settledOn(before).decisions());
                    }
                    if (found.remembers()) {
                        now = Math.max(now, table.micros());
                    }
                    return acquire(costs, found, true);
                });
    }

    CompletionStage<Void> refund(long permits, long chargedAt) {
        return make(new ItemStep.Refund(permits, chargedAt)).thenApply(state -> null);
    }

    /** Makes a step. */
    <T> CompletionStage<T> make(ItemStep<T> step) {
        return make(step, cache.get(key), false);
    }

    private <T> CompletionStage<T> make(ItemStep<T> step, @Nullable Item known, boolean certain) {
        Item item = known == null ? Item.blank(policy) : known;
        Step<T> decided = step.decide(policy, item, now);
        if (decided.next() == null) {
            return certain
                    ? CompletableFuture.completedStage(decided.answer())
                    : read().thenCompose(found -> make(step, found, true));
        }
        if (isInPlace(known)) {
            long version = table.newVersion();
            Item after = step.applied(policy, item, now, version);
            Update update = update(item, after, version);
            if (step.addTo(new ItemStep.InPlace(update, policy, item, now, version, certain))) {
                expire(update, item, after);
                return make(step, decided.answer(), item, update, version);
            }
        }
        if (!certain) {
            return read().thenCompose(found -> make(step, found, true));
        }
        long version = table.newVersion();
        Item after = step.applied(policy, item.at(policy, now), now, version);
        return replace(
                        item,
                        after,
                        version,
                        found -> step.isMadeIn(found, version),
                        found -> step.isMissingIn(found, item, version))
                .thenCompose(found ->
                        found == null ? CompletableFuture.completedStage(decided.answer()) : makeAgain(step, found));
    }

    private <T> CompletionStage<T> make(ItemStep<T> step, T decided, Item item, Update update, long version) {
        return written(
                        () -> table.updateOnce(key, update, ReturnValue.ALL_NEW),
                        found -> step.isMadeIn(found, version),
                        found -> step.isMissingIn(found, item, version))
                .thenCompose(outcome -> {
                    Item found = Item.read(outcome.item(), policy);
                    cache.put(key, found);
                    return outcome.written() || found.hasVersion(version)
                            ? CompletableFuture.completedStage(step.answer(decided, found.state(policy, now), now))
                            : makeAgain(step, found);
                });
    }

    /** Makes a step on the item that a failed attempt has returned. The change that overtook it may be a later one. */
    private <T> CompletionStage<T> makeAgain(ItemStep<T> step, Item found) {
        now = Math.max(now, table.micros());
        return make(step, found, true);
    }

    /** Blocks the key. The other attributes stay as they are, so the item need not have been seen. */
    CompletionStage<Void> block(long micros) {
        return block(now + micros, false);
    }

    /** Blocks the key. An item that expires later than its block keeps its expiry. */
    private CompletionStage<Void> block(long until, boolean expiresLater) {
        long version = table.newVersion();
        Update update = new Update();
        String end = update.number(until);
        update.require(anyOf(missing(DynamoDbTable.KEY), exists(Item.LIMITS)))
                .require(anyOf(missing(Item.BLOCKED_UNTIL), Item.BLOCKED_UNTIL + " < " + end))
                .set(Item.LIMITS, orDefault(Item.LIMITS, update.text(Item.limitsOf(policy))))
                .set(Item.VERSION, update.number(version))
                .set(Item.BLOCKED_UNTIL, end);
        if (!expiresLater) {
            String expiry = update.number(expiry(until));
            String attribute = update.name(DynamoDbTable.EXPIRES);
            update.require(anyOf(missing(attribute), attribute + " <= " + expiry))
                    .set(attribute, expiry);
        }
        return table.update(key, update, ReturnValue.ALL_OLD).thenCompose(outcome -> {
            Item found = Item.read(outcome.item(), policy);
            cache.put(key, outcome.written() ? found.blocked(until, version) : found);
            // Otherwise the key is blocked for longer already.
            return !outcome.written() && !expiresLater && found.blockedUntil() < until
                    ? block(until, true)
                    : CompletableFuture.completedStage(null);
        });
    }

    /** Returns whether the item can be updated, and need not be replaced. */
    private boolean isInPlace(@Nullable Item known) {
        return policy.rateLimits().size() <= MAX_LIMITS_IN_PLACE
                && (known == null
                        || known.hasLimitsOf(policy)
                                && !known.isBlocked(now)
                                && known.reservations().firstExpiry() > now);
    }

    /** Starts an update of an item that has the limits of the policy and is not blocked, or does not exist. */
    private Update update(Item item, Item after, long newVersion) {
        Update update = new Update();
        String limits = update.text(item.text());
        String version = update.number(newVersion);
        String same = allOf(Item.LIMITS + " = " + limits, Item.VERSION + " <> " + version);
        update.require(item.remembers() ? same : anyOf(missing(DynamoDbTable.KEY), same))
                .require(anyOf(missing(Item.BLOCKED_UNTIL), Item.BLOCKED_UNTIL + " <= " + update.number(now)))
                .set(Item.LIMITS, after.remembers() == item.remembers() ? limits : update.text(after.text()))
                .set(Item.VERSION, version)
                .remove(Item.BLOCKED_UNTIL);
        if (item.remembers()) {
            OpenReservations.requireUnexpired(update, now);
            if (!after.remembers() && !item.reservations().exists()) {
                OpenReservations.requireNone(update);
            }
        }
        return update;
    }

    /**
     * Adds the expiry to an update. That of an item with reservations or a debt may be later than the caller knows, so
     * it is never made earlier.
     */
    private void expire(Update update, Item item, Item after) {
        long usual = expiry(now);
        long second = expiry(after);
        if (!item.remembers() && !after.remembers() && second <= usual) {
            update.expireAt(usual);
            return;
        }
        String attribute = update.name(DynamoDbTable.EXPIRES);
        String number = update.number(second);
        if (item.expiry() >= second) {
            update.require(attribute + " >= " + number);
        } else {
            update.require(anyOf(missing(attribute), attribute + " <= " + number))
                    .set(attribute, number);
        }
    }

    private CompletionStage<Item> read() {
        return table.read(key).thenApply(attributes -> {
            Item found = Item.read(attributes, policy);
            cache.put(key, found);
            return found;
        });
    }

    /** Replaces the whole item. Completes with {@code null} if it did, otherwise with the item that is there. */
    private CompletionStage<@Nullable Item> replace(
            Item before, Item after, long version, Predicate<Item> isMadeIn, Predicate<Item> isMissingIn) {
        var whole = after.write(key, version, expiry(after));
        AttributeValue expected = before.version() == null ? null : AttributeValue.fromN(before.version());
        return written(() -> table.putOnce(whole, Item.VERSION, expected), isMadeIn, isMissingIn)
                .thenApply(outcome -> {
                    Item found = Item.read(outcome.written() ? whole : outcome.item(), policy);
                    cache.put(key, found);
                    return found.hasVersion(version) ? null : found;
                });
    }

    /**
     * Makes a write. If the connection breaks, reads before writing again: the write may have been made, and must not
     * be made twice. The outcome then contains the item, as after a condition that did not hold. If others have written
     * in the meantime and the item does not tell, it is not known whether the write was made, and the call fails.
     *
     * @param isMadeIn    whether an item shows that the write was made
     * @param isMissingIn whether an item shows that the write was not made
     */
    private CompletionStage<DynamoDbTable.Outcome> written(
            Supplier<CompletionStage<DynamoDbTable.Outcome>> write,
            Predicate<Item> isMadeIn,
            Predicate<Item> isMissingIn) {
        return counted(write).exceptionallyCompose(failure -> {
            Throwable lost = Futures.unwrap(failure);
            if (!(lost instanceof DynamoDbFailures.LostResponse response) || !response.isConnectionBroken()) {
                return CompletableFuture.failedFuture(lost);
            }
            return table.read(key)
                    .exceptionallyCompose(unreadable -> CompletableFuture.failedFuture(lost))
                    .thenCompose(item -> {
                        Item found = Item.read(item, policy);
                        if (isMadeIn.test(found)) {
                            return CompletableFuture.completedStage(new DynamoDbTable.Outcome(false, item));
                        }
                        return isMissingIn.test(found) ? counted(write) : CompletableFuture.failedFuture(lost);
                    });
        });
    }

    private <T> CompletionStage<T> counted(Supplier<CompletionStage<T>> attempt) {
        return ++attempts <= MAX_ATTEMPTS
                ? attempt.get()
                : CompletableFuture.failedStage(new IllegalStateException("A decision on a key of the policy \""
                        + policy.name() + "\" failed: other writers changed its item during each of " + MAX_ATTEMPTS
                        + " attempts."));
    }

    private long expiry(long blockedUntil) {
        return DynamoDbTable.expiry(
                now, Math.max(blockedUntil - now, Item.blank(policy).lifeMicros()));
    }

    private long expiry(Item after) {
        long reservations = after.reservations().lastInstant(after.lifeMicros());
        long state = now + after.state(policy, now).expiresAfter(now);
        return expiry(Math.max(Math.max(after.blockedUntil(), reservations), state));
    }

    /**
     * The decisions on requests of one key, one after the other.
     *
     * @param granted the permits that were granted to all requests together
     */
    private record Batch(Policy policy, long now, List<Long> costs, List<Decision> decisions, long granted) {

        static Batch decide(Policy policy, List<Long> costs, Item item, long now) {
            LimitState state = item.state(policy, now);
            List<Decision> decisions = new ArrayList<>(costs.size());
            long granted = 0;
            for (long cost : costs) {
                if (state.admits(cost)) {
                    state = state.charge(cost);
                    granted += cost;
                    decisions.add(Decision.allowed(state, now));
                } else {
                    decisions.add(Decision.denied(state, cost, now));
                }
            }
            return new Batch(policy, now, costs, decisions, granted);
        }

        /**
         * Returns the same decisions with the remaining permits of the item that was written, which others may have
         * charged in the meantime.
         */
        Batch settledOn(Item item) {
            LimitState state = item.state(policy, now);
            List<Decision> settled = new ArrayList<>(costs.size());
            for (int i = 0; i < costs.size(); i++) {
                long cost = costs.get(i);
                Decision decision = decisions.get(i);
                if (decision.allowed()) {
                    state = state.charge(cost);
                    settled.add(Decision.allowed(state, now));
                } else {
                    settled.add(state.admits(cost) ? decision : Decision.denied(state, cost, now));
                }
            }
            return new Batch(policy, now, costs, settled, granted);
        }

        /** Returns whether a request is denied that could be granted on another state. */
        boolean hasTemporaryDenial() {
            for (int i = 0; i < costs.size(); i++) {
                if (!decisions.get(i).allowed() && costs.get(i) <= policy.capacity()) {
                    return true;
                }
            }
            return false;
        }
    }
}
