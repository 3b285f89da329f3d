package io.github.micronautratelimit.dynamodb;

import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.allOf;
import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.anyOf;
import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.exists;
import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.missing;
import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.orDefault;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.dynamodb.DynamoDbTable.Update;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.limit.LimitState;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ReturnValue;

/**
 * One change of one item: the charge of several requests, a refund or a block.
 *
 * <p>It is attempted on the item as this process has seen it last. If a condition fails, DynamoDB returns the item as
 * it is. The change is decided again on that item, for the same instant: it is denied, or attempted again. A denial
 * that is predicted is a read instead, because a read costs a fifth of a failed write.
 */
final class ItemChange {

    /** A failed attempt means that another caller succeeded, so this many in a row point to an error. */
    private static final int MAX_ATTEMPTS = 50;

    /** The limits that fit into one expression. With more, the item is read and replaced. */
    private static final int MAX_LIMITS_IN_PLACE = 8;

    private final DynamoDbTable table;
    private final Map<String, Item> cache;
    private final Policy policy;
    private final String key;
    private final long now;
    private int attempts;

    ItemChange(DynamoDbTable table, Map<String, Item> cache, Policy policy, String key, long now) {
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
        Item item = known == null ? Item.blank(policy) : known.under(policy);
        Batch batch = Batch.decide(policy, costs, item, now);
        if (certain && batch.granted() == 0) {
            return CompletableFuture.completedStage(batch.decisions());
        }
        boolean inPlace = isInPlace(known);
        if (!certain && (!inPlace || batch.granted() == 0 || batch.hasTemporaryDenial())) {
            return read().thenCompose(found -> acquire(costs, found, true));
        }
        if (inPlace) {
            return charge(costs, item, batch, certain);
        }
        Item after = item.charged(item, batch.granted(), now, table.newVersion());
        return replace(item, after)
                .thenCompose(found -> found == null
                        ? CompletableFuture.completedStage(batch.decisions())
                        : acquire(costs, found, true));
    }

    private CompletionStage<List<Decision>> charge(List<Long> costs, Item item, Batch batch, boolean certain) {
        long version = table.newVersion();
        Update update = update(version);
        if (batch.hasTemporaryDenial()) {
            // A denial between grants holds for this item only: a refund in the meantime might make room for it.
            update.require(
                    item.version() == null
                            ? missing(DynamoDbTable.KEY)
                            : Item.VERSION + " = " + update.number(Long.parseLong(item.version())));
        }
        var charge = new LimitAttributes.Change(
                batch.granted(), now, version, item.attributes().size(), certain);
        for (int i = 0; i < item.attributes().size(); i++) {
            item.attributes().get(i).charge(update, i, charge);
        }
        return attempt(update, item, version).thenCompose(outcome -> {
            Item found = Item.read(outcome.item(), policy);
            if (outcome.written()) {
                cache.put(key, found.charged(item, batch.granted(), now, version));
                return CompletableFuture.completedStage(batch.settledOn(found).decisions());
            }
            cache.put(key, found);
            // The update was made, although its response was lost or somebody delivered it twice.
            return found.hasVersion(version)
                    ? CompletableFuture.completedStage(batch.settledOn(found.refunded(batch.granted(), now))
                            .decisions())
                    : acquire(costs, found, true);
        });
    }

    CompletionStage<Void> refund(long permits) {
        return refund(permits, cache.get(key), false);
    }

    private CompletionStage<Void> refund(long permits, @Nullable Item known, boolean certain) {
        if (known == null || !certain && !known.hasLimitsOf(policy)) {
            return read().thenCompose(found -> refund(permits, found, true));
        }
        if (certain && known.version() == null) {
            return CompletableFuture.completedStage(null);
        }
        Item item = known.under(policy);
        long version = table.newVersion();
        Update update = update(version);
        if (isInPlace(known) && isAdded(item, update, permits, version)) {
            return attempt(update, item, version).thenCompose(outcome -> {
                Item found = Item.read(outcome.item(), policy);
                cache.put(key, outcome.written() ? found.refunded(permits, now) : found);
                return outcome.written() || found.hasVersion(version)
                        ? CompletableFuture.completedStage(null)
                        : refund(permits, found, true);
            });
        }
        if (!certain) {
            return read().thenCompose(found -> refund(permits, found, true));
        }
        return replace(item, item.refunded(permits, now))
                .thenCompose(
                        found -> found == null ? CompletableFuture.completedStage(null) : refund(permits, found, true));
    }

    private boolean isAdded(Item item, Update update, long permits, long version) {
        var refund = new LimitAttributes.Change(
                permits, now, version, item.attributes().size(), false);
        for (int i = 0; i < item.attributes().size(); i++) {
            if (!item.attributes().get(i).refund(update, i, refund)) {
                return false;
            }
        }
        return true;
    }

    /** Blocks the key. The other attributes stay as they are, so the item need not have been seen. */
    CompletionStage<Void> block(long micros) {
        long until = now + micros;
        long version = table.newVersion();
        Update update = new Update();
        String end = update.number(until);
        update.require(anyOf(missing(DynamoDbTable.KEY), exists(Item.LIMITS)))
                .require(anyOf(missing(Item.BLOCKED_UNTIL), Item.BLOCKED_UNTIL + " < " + end))
                .set(Item.LIMITS, orDefault(Item.LIMITS, update.text(Item.limitsOf(policy))))
                .set(Item.VERSION, update.number(version))
                .set(Item.BLOCKED_UNTIL, end)
                .expireAt(expiry(until));
        // If a condition fails, the key is blocked for longer already, or other software wrote the item.
        return table.update(key, update, ReturnValue.ALL_OLD).thenAccept(outcome -> {
            Item found = Item.read(outcome.item(), policy);
            cache.put(key, outcome.written() ? found.blocked(until, version) : found);
        });
    }

    /** Returns whether the item can be updated, and need not be replaced. */
    private boolean isInPlace(@Nullable Item known) {
        return policy.rateLimits().size() <= MAX_LIMITS_IN_PLACE
                && (known == null || known.hasLimitsOf(policy) && !known.isBlocked(now));
    }

    /** Starts an update of an item that has the limits of the policy and is not blocked, or does not exist. */
    private Update update(long newVersion) {
        Update update = new Update();
        String limits = update.text(Item.limitsOf(policy));
        String version = update.number(newVersion);
        return update.require(anyOf(
                        missing(DynamoDbTable.KEY),
                        allOf(Item.LIMITS + " = " + limits, Item.VERSION + " <> " + version)))
                .require(anyOf(missing(Item.BLOCKED_UNTIL), Item.BLOCKED_UNTIL + " <= " + update.number(now)))
                .set(Item.LIMITS, limits)
                .set(Item.VERSION, version)
                .remove(Item.BLOCKED_UNTIL);
    }

    private CompletionStage<Item> read() {
        return table.read(key).thenApply(attributes -> {
            Item found = Item.read(attributes, policy);
            cache.put(key, found);
            return found;
        });
    }

    private CompletionStage<DynamoDbTable.Outcome> attempt(Update update, Item before, long version) {
        update.expireAt(expiry(now));
        return written(() -> table.updateOnce(key, update, ReturnValue.ALL_OLD), before, version);
    }

    /** Replaces the whole item. Completes with {@code null} if it did, otherwise with the item that is there. */
    private CompletionStage<@Nullable Item> replace(Item before, Item after) {
        long version = table.newVersion();
        var written = after.write(key, version, expiry(after.blockedUntil()));
        AttributeValue expected = before.version() == null ? null : AttributeValue.fromN(before.version());
        return written(() -> table.putOnce(written, Item.VERSION, expected), before, version)
                .thenApply(outcome -> {
                    Item found = Item.read(outcome.written() ? written : outcome.item(), policy);
                    cache.put(key, found);
                    return found.hasVersion(version) ? null : found;
                });
    }

    /**
     * Makes a write of a version. If the connection breaks, reads before writing again: the write may have been made,
     * and must not be made twice. The outcome then contains the item with this version, as after a condition that did
     * not hold. If others have written in the meantime, it is not known whether the write was made, and the call fails.
     */
    private CompletionStage<DynamoDbTable.Outcome> written(
            Supplier<CompletionStage<DynamoDbTable.Outcome>> write, Item before, long version) {
        return counted(write).exceptionallyCompose(failure -> {
            Throwable lost = Futures.unwrap(failure);
            if (!(lost instanceof DynamoDbFailures.LostResponse response) || !response.isConnectionBroken()) {
                return CompletableFuture.failedFuture(lost);
            }
            return table.read(key)
                    .exceptionallyCompose(unreadable -> CompletableFuture.failedFuture(lost))
                    .thenCompose(item -> {
                        Item found = Item.read(item, policy);
                        if (found.hasVersion(version)) {
                            return CompletableFuture.completedStage(new DynamoDbTable.Outcome(false, item));
                        }
                        return found.isOlderThan(version, before.version())
                                ? counted(write)
                                : CompletableFuture.failedFuture(lost);
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

    /**
     * The decisions on requests of one key, one after the other.
     *
     * @param granted the permits that were granted to all requests together
     */
    private record Batch(Policy policy, long now, List<Long> costs, List<Decision> decisions, long granted) {

        static Batch decide(Policy policy, List<Long> costs, Item item, long now) {
            LimitState state = item.state(now);
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
            LimitState state = item.state(now);
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
