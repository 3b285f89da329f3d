package io.github.micronautratelimit.dynamodb;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.LongFunction;

import io.github.micronautratelimit.ConcurrencyLimit;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.LeaseBackend;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitDefectException;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/**
 * Places in DynamoDB: an item beside the one of the key's permits, with an attribute for each holder and {@code n}, their
 * number, so that each step is one conditional update. Who has expired is counted until somebody is denied for it, who then
 * asks once more and takes such a place. Attempts that do not succeed have changed nothing.
 */
final class DynamoDbLeases implements LeaseBackend {

    /** An item of so many holders has about 35 KB, and a step costs as many units. */
    static final int MOST_PLACES = 1_000;
    private static final int MOST_ATTEMPTS = 10;
    /** An expression has at most 300 operators, and 4 KB. */
    private static final int MOST_REMOVED = 50;
    private static final int HOUR_SECONDS = 3_600;

    private final Table table;
    private final MicroClock clock;
    private final String namespace;

    DynamoDbLeases(Table table, MicroClock clock, String namespace) {
        this.table = table;
        this.clock = clock;
        this.namespace = namespace;
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
        ConcurrencyLimit limit = limitOf(policy);
        String me = Holders.attribute(holder);
        return inTime(policy, key, now -> {
            Write first = new Write(now, limit).naming("#me", me).with(":n", limit.holders())
                    .when("attribute_not_exists(#me) AND (attribute_not_exists(#n) OR #n < :n)")
                    .then("SET #me = :until, #n = if_not_exists(#n, :zero) + :one, #ttl = :ttl")
                    .with(":until", now + limit.leaseMicros()).with(":zero", 0).with(":one", 1);
            return write(policy, key, first, limit, me, now, 1);
        });
    }

    private CompletionStage<Decision> write(Policy policy, String key, Write write, ConcurrencyLimit limit, String me,
                                            long now, int attempt) {
        return table.update(name(policy, key), write.request()).thenCompose(outcome -> {
            Holders holders = Holders.of(outcome.met());
            if (outcome.written()) {
                return CompletableFuture.completedFuture(holders.grant(limit.holders(), now));
            }
            boolean held = holders.holds(me, now);
            if (!held && !holders.standing(limit.holders(), now).allowed()) {
                return CompletableFuture.completedFuture(holders.denial(limit.holders(), now));
            }
            if (attempt == MOST_ATTEMPTS) {
                return CompletableFuture.failedStage(new IllegalStateException("Others have changed a key of the policy "
                        + policy.name() + " " + MOST_ATTEMPTS + " times while a place of it was asked for."));
            }
            return write(policy, key, held ? kept(holders, limit, me, now) : instead(holders, limit, me, now), limit, me,
                    now, attempt + 1);
        });
    }

    /** Who holds a place keeps it for a new lease time; a caller whose clock is behind shortens nobody's. */
    private static Write kept(Holders holders, ConcurrencyLimit limit, String me, long now) {
        return new Write(now, limit).naming("#me", me).when("#me = :was").then("SET #me = :until, #ttl = :ttl")
                .with(":was", holders.ends().get(me))
                .with(":until", Math.max(holders.ends().get(me), now + limit.leaseMicros()));
    }

    /** Takes a place, and takes those who have expired off the list. */
    private static Write instead(Holders holders, ConcurrencyLimit limit, String me, long now) {
        List<String> expired = holders.expired(now).stream().filter(each -> !each.equals(me)).limit(MOST_REMOVED).toList();
        boolean listed = holders.ends().containsKey(me);
        Write write = new Write(now, limit).naming("#me", me).with(":until", now + limit.leaseMicros());
        StringBuilder condition = new StringBuilder(listed ? "#me <= :now" : "attribute_not_exists(#me)");
        StringBuilder removed = new StringBuilder();
        for (int i = 0; i < expired.size(); i++) {
            write.naming("#e" + i, expired.get(i));
            condition.append(" AND #e").append(i).append(" <= :now");
            removed.append(i == 0 ? " REMOVE #e" : ", #e").append(i);
        }
        if (listed || !expired.isEmpty()) {
            write.with(":now", now);
        }
        // Whoever is listed is counted already.
        condition.append(" AND (attribute_not_exists(#n) OR #n < :n)");
        write.with(":n", limit.holders() + expired.size() + (listed ? 1 : 0));
        long more = (listed ? 0 : 1) - expired.size();
        return write.when(condition.toString()).with(":zero", 0).with(":more", more)
                .then("SET #me = :until, #n = if_not_exists(#n, :zero) + :more, #ttl = :ttl" + removed);
    }

    @Override
    public CompletionStage<Boolean> renew(Policy policy, String key, UUID holder) {
        ConcurrencyLimit limit = limitOf(policy);
        String me = Holders.attribute(holder);
        return inTime(policy, key, now -> {
            Write write = new Write(now, limit).naming("#me", me).with(":now", now).with(":until", now + limit.leaseMicros())
                    .when("#me > :now AND #me <= :until").then("SET #me = :until, #ttl = :ttl");
            return table.update(name(policy, key), write.request())
                    .thenApply(outcome -> outcome.written() || Holders.of(outcome.met()).holds(me, now));
        });
    }

    @Override
    public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
        Write write = new Write(clock.micros(), limitOf(policy)).naming("#me", Holders.attribute(holder))
                .when("attribute_exists(#me)").then("SET #n = #n - :one, #ttl = :ttl REMOVE #me").with(":one", 1);
        return Defect.told(table.update(name(policy, key), write.request()).thenApply(outcome -> null));
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key) {
        ConcurrencyLimit limit = limitOf(policy);
        return Defect.told(table.read(name(policy, key))
                .thenApply(item -> Holders.of(item).standing(limit.holders(), clock.micros())));
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return Defect.told(table.delete(name(policy, key)));
    }

    private static ConcurrencyLimit limitOf(Policy policy) {
        ConcurrencyLimit limit = policy.concurrency();
        if (limit == null) {
            throw new IllegalArgumentException("The policy \"" + policy.name() + "\" has no concurrency limit.");
        }
        if (limit.holders() > MOST_PLACES) {
            throw new RateLimitDefectException(new IllegalArgumentException("The policy \"" + policy.name() + "\" has "
                    + limit.holders() + " places, but a DynamoDB item keeps " + MOST_PLACES
                    + "; write \"" + MOST_PLACES + " concurrent\" or less."));
        }
        return limit;
    }

    private String name(Policy policy, String key) {
        return DynamoDbBackend.name(namespace, policy, key) + ":c";
    }

    /** Asks once the time is known. */
    private <T> CompletionStage<T> inTime(Policy policy, String key, LongFunction<CompletionStage<T>> ask) {
        boolean known = !(clock instanceof StoreClock corrected) || corrected.isSet();
        return Defect.told(known ? ask.apply(clock.micros())
                : table.read(name(policy, key)).thenCompose(found -> ask.apply(clock.micros())));
    }

    /** A conditional update and what it names. */
    private static final class Write {

        private final Map<String, String> names = new HashMap<>();
        private final Map<String, AttributeValue> values = new HashMap<>();
        private String condition = "";
        private String update = "";

        Write(long now, ConcurrencyLimit limit) {
            naming("#ttl", Item.EXPIRES);
            with(":ttl", (Math.max(now, StoreClock.machineMicros()) + limit.leaseMicros()) / 1_000_000 + HOUR_SECONDS);
        }

        Write naming(String alias, String attribute) {
            names.put(alias, attribute);
            return this;
        }

        Write with(String alias, long number) {
            values.put(alias, AttributeValue.fromN(Long.toString(number)));
            return this;
        }

        Write when(String holds) {
            condition = holds;
            return this;
        }

        Write then(String change) {
            update = change;
            return this;
        }

        Table.Conditional request() {
            if (update.contains("#n ")) {
                naming("#n", "n");
            }
            return new Table.Conditional(condition, update, names, values);
        }
    }
}
