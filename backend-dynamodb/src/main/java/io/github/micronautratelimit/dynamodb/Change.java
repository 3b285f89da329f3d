package io.github.micronautratelimit.dynamodb;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.FixedWindow;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.TokenBucket;

/**
 * One change of one key: a charge for several requests, a refund, or a block.
 *
 * <p>It is attempted on the key as it was last seen. If the condition fails, DynamoDB returns the item it failed on, and
 * the change is decided anew on that, by the same instant: either it is a denial, and done, or it is attempted again. A
 * denial that can be foreseen is looked up instead, for a read costs a fifth of a write that fails.
 */
final class Change {

    /** Each failed attempt means that another caller has got his: so many in a row are no coincidence. */
    private static final int MOST_ATTEMPTS = 50;
    private static final long HOUR_SECONDS = 3_600;
    /** So many limits fit into one expression; policies with more read the item and replace it. */
    private static final int MOST_IN_PLACE = 8;

    private final Table table;
    private final Seen seen;
    private final Policy policy;
    private final String name;
    private final long now;
    private int attempts;

    Change(Table table, Seen seen, Policy policy, String name, long now) {
        this.table = table;
        this.seen = seen;
        this.policy = policy;
        this.name = name;
        this.now = now;
    }

    CompletionStage<List<Decision>> acquire(List<Long> costs) {
        return acquire(costs, seen.get(name), false);
    }

    /** {@code sure} if the item was read, or returned by a failed attempt, in this call. */
    CompletionStage<List<Decision>> acquire(List<Long> costs, @Nullable Item known, boolean sure) {
        Item item = known == null ? Item.blank(policy) : known.under(policy);
        Verdict verdict = Verdict.of(policy, costs, item, now);
        if (sure && verdict.granted() == 0) {
            return CompletableFuture.completedStage(verdict.decisions());
        }
        boolean inPlace = isInPlace(known);
        if (!sure && (!inPlace || verdict.granted() == 0 || verdict.deniesForNow())) {
            return read().thenCompose(found -> acquire(costs, found, true));
        }
        if (!inPlace) {
            Item after = item.charged(item, verdict.granted(), now, Update.newStamp());
            return put(after, item).thenCompose(met -> met == null
                    ? CompletableFuture.completedStage(verdict.decisions()) : acquire(costs, met, true));
        }
        Update update = update();
        for (int i = 0; i < item.parts().size(); i++) {
            item.parts().get(i).charge(update, i, verdict.granted(), now, sure);
        }
        return attempt(update).thenCompose(outcome -> {
            Item met = Item.read(outcome.met(), policy);
            if (outcome.written()) {
                seen.put(name, met.charged(item, verdict.granted(), now, update.stamp()));
                return CompletableFuture.completedStage(verdict.on(met).decisions());
            }
            seen.put(name, met);
            return update.hasWritten(met)
                    ? CompletableFuture.completedStage(verdict.on(met.refunded(verdict.granted(), now)).decisions())
                    : acquire(costs, met, true);
        });
    }

    CompletionStage<Void> refund(long permits) {
        return refund(permits, seen.get(name), false);
    }

    private CompletionStage<Void> refund(long permits, @Nullable Item known, boolean sure) {
        if (known == null || !sure && !known.isUnder(policy)) {
            return read().thenCompose(found -> refund(permits, found, true));
        }
        Item item = known.under(policy);
        if (sure && known.version() == null) {
            return CompletableFuture.completedStage(null);
        }
        Update update = update();
        boolean simple = isInPlace(known);
        for (int i = 0; simple && i < item.parts().size(); i++) {
            simple = item.parts().get(i).giveBack(update, i, permits, now);
        }
        Item after = item.refunded(permits, now);
        if (simple) {
            return attempt(update).thenCompose(outcome -> {
                Item met = Item.read(outcome.met(), policy);
                seen.put(name, outcome.written() ? met.refunded(permits, now) : met);
                return outcome.written() || update.hasWritten(met)
                        ? CompletableFuture.completedStage(null) : refund(permits, met, true);
            });
        }
        if (!sure) {
            return read().thenCompose(found -> refund(permits, found, true));
        }
        return put(after, item).thenCompose(met -> met == null
                ? CompletableFuture.completedStage(null) : refund(permits, met, true));
    }

    /** Whatever else the item says stays as it is, so nobody has to have seen it. */
    CompletionStage<Void> block(long micros) {
        long until = now + micros;
        Update update = new Update(policy.limits().size());
        String end = update.number(until);
        update.require("(attribute_not_exists(" + Item.KEY + ") OR attribute_exists(" + Item.LIMITS + "))");
        update.require("(attribute_not_exists(" + Item.BLOCKED + ") OR " + Item.BLOCKED + " < " + end + ")");
        update.set(Item.LIMITS, "if_not_exists(" + Item.LIMITS + ", " + update.text(Item.text(policy)) + ")");
        update.set(Item.VERSION, update.number(update.stamp()));
        update.set(Item.BLOCKED, end);
        // If it is refused, the key is blocked for as long already, or somebody else's.
        return table.update(name, update, expires(until)).thenAccept(outcome -> {
            Item met = Item.read(outcome.met(), policy);
            seen.put(name, outcome.written() ? met.blocked(until, update.stamp()) : met);
        });
    }

    /** Whether the item can be changed where it lies: not if it was written under other limits, or is blocked. */
    private boolean isInPlace(@Nullable Item known) {
        return policy.limits().size() <= MOST_IN_PLACE
                && (known == null || known.isUnder(policy) && !known.isBlocked(now));
    }

    private Update update() {
        Update update = new Update(policy.limits().size());
        String limits = update.text(Item.text(policy));
        String version = update.number(update.stamp());
        update.require("(attribute_not_exists(" + Item.KEY + ") OR " + Item.LIMITS + " = " + limits
                + " AND " + Item.VERSION + " <> " + version + ")");
        update.require("(attribute_not_exists(" + Item.BLOCKED + ") OR " + Item.BLOCKED + " <= " + update.number(now) + ")");
        update.set(Item.LIMITS, limits);
        update.set(Item.VERSION, version);
        update.remove(Item.BLOCKED);
        return update;
    }

    private CompletionStage<Item> read() {
        return table.read(name).thenApply(attributes -> {
            Item found = Item.read(attributes, policy);
            seen.put(name, found);
            return found;
        });
    }

    private CompletionStage<Table.Outcome> attempt(Update update) {
        return counted(() -> table.update(name, update, expires(now)));
    }

    /** Replaces the whole item; {@code null} if that was done, else what was there instead. */
    private CompletionStage<@Nullable Item> put(Item after, Item before) {
        var whole = after.write(name, Update.newStamp(), expires(after.blockedUntil()));
        return counted(() -> table.put(whole, before.version())).thenApply(outcome -> {
            Item met = Item.read(outcome.written() ? whole : outcome.met(), policy);
            seen.put(name, met);
            return outcome.written() ? null : met;
        });
    }

    private <T> CompletionStage<T> counted(Supplier<CompletionStage<T>> attempt) {
        return ++attempts <= MOST_ATTEMPTS ? attempt.get() : CompletableFuture.failedStage(new IllegalStateException(
                "Others have changed a key of the policy " + policy.name() + " " + MOST_ATTEMPTS
                        + " times while it was being decided on."));
    }

    /**
     * Seconds since the epoch, when the key surely says nothing any more, by an hour later: the table's clock may differ.
     * What is still there then says nothing either way.
     */
    private long expires(long blockedUntil) {
        long life = Math.max(blockedUntil - now, policy.limits().stream().mapToLong(Change::life).max().orElseThrow());
        return (Math.max(now, StoreClock.machineMicros()) + life) / 1_000_000 + HOUR_SECONDS;
    }

    private static long life(Limit limit) {
        if (limit instanceof TokenBucket bucket) {
            return bucket.microsToRepay(bucket.burst() * bucket.unitsPerPermit());
        }
        return limit instanceof FixedWindow ? limit.periodMicros() : limit.periodMicros() + limit.periodMicros() / 64 + 65;
    }
}
