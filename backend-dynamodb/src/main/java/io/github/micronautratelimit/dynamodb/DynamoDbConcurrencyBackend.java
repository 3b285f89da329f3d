package io.github.micronautratelimit.dynamodb;

import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.anyOf;
import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.exists;
import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.missing;
import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.orDefault;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.dynamodb.DynamoDbTable.Update;
import io.github.micronautratelimit.limit.ConcurrencyLimit;
import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.LongFunction;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ReturnValue;

/**
 * Keeps the slots of concurrency limits: an item beside the one of the rate limits, with an attribute for each holder
 * and the number of holders, see {@link Item}. So each step is one conditional update.
 *
 * <p>Expired holders are counted until a caller finds all slots taken. That caller tries again and takes the slot of an
 * expired holder. Failed attempts change nothing.
 */
final class DynamoDbConcurrencyBackend implements ConcurrencyBackend {

    /** The most slots of a limit. An item of 1000 holders has about 35 KB, and a step costs as many write units. */
    static final int MAX_SLOTS = 1_000;

    private static final String HOLDERS = "n";
    private static final int MAX_ATTEMPTS = 10;
    /** An expression has at most 300 operators and 4 KB. */
    private static final int MAX_REMOVALS = 50;

    private final DynamoDbTable table;

    DynamoDbConcurrencyBackend(DynamoDbTable table) {
        this.table = table;
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
        ConcurrencyLimit limit = limitOf(policy);
        return withTime(policy, key, now -> {
            Update update = new Update();
            String attribute = update.name(Holders.attribute(holder));
            String holders = update.name(HOLDERS);
            update.require(missing(attribute))
                    .require(anyOf(missing(holders), holders + " < " + update.number(limit.slots())))
                    .set(attribute, update.number(now + limit.leaseMicros()))
                    .set(holders, orDefault(holders, update.number(0)) + " + " + update.number(1))
                    .expireAt(expiry(limit, now));
            return new Acquisition(policy, itemKey(policy, key), limit, Holders.attribute(holder), now)
                    .attempt(update, 1);
        });
    }

    /** The attempts to take a slot. */
    private final class Acquisition {

        private final Policy policy;
        private final String itemKey;
        private final ConcurrencyLimit limit;
        private final String holder;
        private final long now;

        Acquisition(Policy policy, String itemKey, ConcurrencyLimit limit, String holder, long now) {
            this.policy = policy;
            this.itemKey = itemKey;
            this.limit = limit;
            this.holder = holder;
            this.now = now;
        }

        CompletionStage<Decision> attempt(Update update, int attempt) {
            return table.update(itemKey, update, ReturnValue.ALL_NEW).thenCompose(outcome -> {
                Holders holders = Holders.of(outcome.item());
                if (outcome.written()) {
                    return CompletableFuture.completedFuture(holders.allowed(limit, now));
                }
                boolean held = holders.holds(holder, now);
                if (!held && holders.isFull(limit, now)) {
                    return CompletableFuture.completedFuture(holders.denied(limit, now));
                }
                if (attempt == MAX_ATTEMPTS) {
                    return CompletableFuture.failedStage(new IllegalStateException("A slot of the policy \""
                            + policy.name() + "\" could not be acquired: other writers changed its item during each of "
                            + MAX_ATTEMPTS + " attempts."));
                }
                return attempt(held ? renewal(holders) : takeover(holders), attempt + 1);
            });
        }

        /** Renews the lease of a holder that has a slot. A caller whose clock lags does not shorten it. */
        private Update renewal(Holders holders) {
            long expiresAt = holders.expiryOf(holder);
            Update update = new Update();
            String attribute = update.name(holder);
            return update.require(attribute + " = " + update.number(expiresAt))
                    .set(attribute, update.number(Math.max(expiresAt, now + limit.leaseMicros())))
                    .expireAt(expiry(limit, now));
        }

        /** Takes a slot and removes expired holders. */
        private Update takeover(Holders holders) {
            List<String> expired = holders.expired(now).stream()
                    .filter(other -> !other.equals(holder))
                    .limit(MAX_REMOVALS)
                    .toList();
            // An expired holder that acquires again is counted already.
            boolean counted = holders.has(holder);
            int replaced = expired.size() + (counted ? 1 : 0);
            Update update = new Update();
            String attribute = update.name(holder);
            String number = update.name(HOLDERS);
            update.require(counted ? attribute + " <= " + update.number(now) : missing(attribute));
            for (String other : expired) {
                String name = update.name(other);
                update.require(name + " <= " + update.number(now)).remove(name);
            }
            return update.require(anyOf(missing(number), number + " < " + update.number(limit.slots() + replaced)))
                    .set(attribute, update.number(now + limit.leaseMicros()))
                    .set(number, orDefault(number, update.number(0)) + " + " + update.number(1 - replaced))
                    .expireAt(expiry(limit, now));
        }
    }

    @Override
    public CompletionStage<Boolean> renew(Policy policy, String key, UUID holder) {
        ConcurrencyLimit limit = limitOf(policy);
        return withTime(policy, key, now -> {
            Update update = new Update();
            String attribute = update.name(Holders.attribute(holder));
            String until = update.number(now + limit.leaseMicros());
            update.require(attribute + " > " + update.number(now))
                    .require(attribute + " <= " + until)
                    .set(attribute, until)
                    .expireAt(expiry(limit, now));
            return table.update(itemKey(policy, key), update, ReturnValue.ALL_NEW)
                    .thenApply(outcome ->
                            outcome.written() || Holders.of(outcome.item()).holds(Holders.attribute(holder), now));
        });
    }

    @Override
    public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
        ConcurrencyLimit limit = limitOf(policy);
        Update update = new Update();
        String attribute = update.name(Holders.attribute(holder));
        String holders = update.name(HOLDERS);
        update.require(exists(attribute))
                .set(holders, holders + " - " + update.number(1))
                .remove(attribute)
                .expireAt(expiry(limit, table.micros()));
        return DynamoDbFailures.classified(
                table.update(itemKey(policy, key), update, ReturnValue.ALL_NEW).thenApply(outcome -> null));
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key) {
        ConcurrencyLimit limit = limitOf(policy);
        return DynamoDbFailures.classified(table.read(itemKey(policy, key))
                .thenApply(item -> Holders.of(item).peek(limit, table.micros())));
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return DynamoDbFailures.classified(table.delete(itemKey(policy, key)));
    }

    private static ConcurrencyLimit limitOf(Policy policy) {
        ConcurrencyLimit limit = policy.requireConcurrency();
        if (limit.slots() > MAX_SLOTS) {
            throw new NonRetryableStoreException(new IllegalArgumentException(
                    "the policy \"" + policy.name() + "\" has " + limit.slots() + " slots, but a DynamoDB item keeps "
                            + MAX_SLOTS + "; write \"" + MAX_SLOTS + " concurrent\" or less."));
        }
        return limit;
    }

    private String itemKey(Policy policy, String key) {
        return table.itemKey(policy, key) + ":c";
    }

    private static long expiry(ConcurrencyLimit limit, long now) {
        return DynamoDbTable.expiry(now, limit.leaseMicros());
    }

    private <T> CompletionStage<T> withTime(Policy policy, String key, LongFunction<CompletionStage<T>> step) {
        return DynamoDbFailures.classified(table.withTime(itemKey(policy, key), item -> {}, step));
    }

    /**
     * The holders of an item.
     *
     * @param leases the instant at which each lease expires, by the attribute of the holder
     */
    private record Holders(Map<String, Long> leases) {

        private static final String PREFIX = "h";
        private static final Base64.Encoder BASE64 = Base64.getUrlEncoder().withoutPadding();

        static Holders of(Map<String, AttributeValue> item) {
            Map<String, Long> leases = new TreeMap<>();
            item.forEach((name, value) -> {
                if (name.startsWith(PREFIX) && value.n() != null) {
                    leases.put(name, Long.parseLong(value.n()));
                }
            });
            return new Holders(leases);
        }

        static String attribute(UUID holder) {
            return PREFIX
                    + BASE64.encodeToString(ByteBuffer.allocate(16)
                            .putLong(holder.getMostSignificantBits())
                            .putLong(holder.getLeastSignificantBits())
                            .array());
        }

        boolean has(String holder) {
            return leases.containsKey(holder);
        }

        boolean holds(String holder, long now) {
            return leases.getOrDefault(holder, now) > now;
        }

        long expiryOf(String holder) {
            return leases.getOrDefault(holder, 0L);
        }

        List<String> expired(long now) {
            return leases.entrySet().stream()
                    .filter(lease -> lease.getValue() <= now)
                    .map(Map.Entry::getKey)
                    .toList();
        }

        /** Returns the expiries of the leases that are held, in ascending order. */
        private List<Long> held(long now) {
            return leases.values().stream()
                    .filter(expiry -> expiry > now)
                    .sorted()
                    .toList();
        }

        boolean isFull(ConcurrencyLimit limit, long now) {
            return held(now).size() >= limit.slots();
        }

        Decision peek(ConcurrencyLimit limit, long now) {
            return isFull(limit, now) ? denied(limit, now) : allowed(limit, now);
        }

        /** Makes the decision on a request whose slot is counted already, or that takes none. */
        Decision allowed(ConcurrencyLimit limit, long now) {
            List<Long> held = held(now);
            return new Decision.Allowed(
                    Math.max(0, limit.slots() - held.size()),
                    held.isEmpty() ? 0 : held.get(held.size() - 1) - now,
                    Decision.Source.STORE);
        }

        Decision denied(ConcurrencyLimit limit, long now) {
            List<Long> held = held(now);
            return new Decision.Denied(
                    0,
                    held.get((int) (held.size() - limit.slots())) - now,
                    held.get(held.size() - 1) - now,
                    List.of(),
                    Decision.Source.STORE);
        }
    }
}
