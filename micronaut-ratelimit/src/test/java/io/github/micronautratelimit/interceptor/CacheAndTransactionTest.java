package io.github.micronautratelimit.interceptor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.cache.annotation.CacheConfig;
import io.micronaut.cache.annotation.CacheInvalidate;
import io.micronaut.cache.annotation.CachePut;
import io.micronaut.cache.annotation.Cacheable;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.transaction.TransactionCallback;
import io.micronaut.transaction.TransactionDefinition;
import io.micronaut.transaction.TransactionOperations;
import io.micronaut.transaction.TransactionStatus;
import io.micronaut.transaction.annotation.Transactional;
import jakarta.inject.Singleton;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** Limits with the annotations of Micronaut Cache and Micronaut Data, as the guide describes it. */
class CacheAndTransactionTest {

    private static ApplicationContext context;

    @BeforeAll
    static void start() {
        context = ApplicationContext.run(Map.of(
                "spec", "CacheAndTransactionTest",
                "micronaut.caches.prices.maximum-size", 100,
                "ratelimit.policies.shared.limits", "1/h"));
    }

    @AfterAll
    static void stop() {
        context.close();
    }

    @Test
    void callAnsweredByCacheCostsPermit() {
        Prices prices = context.getBean(Prices.class);
        assertEquals("first 1", prices.first("f"));
        assertEquals("first 1", prices.first("f"), "from the cache");
        assertThrows(RateLimitExceededException.class, () -> prices.first("f"), "also if the cache has the answer");
    }

    @Test
    void limitOfCalledBeanCountsOnlyWhatCacheDoesNotAnswer() {
        CachingCaller caller = context.getBean(CachingCaller.class);
        for (int i = 0; i < 5; i++) {
            assertEquals("loaded a", caller.load("a"));
        }
        assertEquals("loaded b", caller.load("b"));
        assertThrows(RateLimitExceededException.class, () -> caller.load("c"));
        assertThrows(RateLimitExceededException.class, () -> caller.load("c"), "a denial is not cached");
        assertEquals("loaded a", caller.load("a"), "the cache still answers");
    }

    @Test
    void futureAndPublisherAnsweredByCacheCostPermits() {
        Prices prices = context.getBean(Prices.class);
        assertEquals("future 1", prices.future("c").join());
        assertEquals("future 1", prices.future("c").join());
        CompletionException denied =
                assertThrows(CompletionException.class, () -> prices.future("c").join());
        assertInstanceOf(RateLimitExceededException.class, denied.getCause());
        assertEquals("mono 1", prices.mono("m").block());
        assertEquals("mono 1", prices.mono("m").block());
        assertThrows(RateLimitExceededException.class, () -> prices.mono("m").block());
    }

    @Test
    void deniedCallNeitherWritesNorInvalidatesCache() {
        Prices prices = context.getBean(Prices.class);
        assertEquals("put 1", prices.put("p", "put 1"));
        assertThrows(RateLimitExceededException.class, () -> prices.put("p", "put 2"));
        assertEquals("put 1", prices.get("p"));
        prices.invalidate("q");
        assertThrows(RateLimitExceededException.class, () -> prices.invalidate("p"));
        assertEquals("put 1", prices.get("p"));
    }

    @Test
    void deniedCallBeginsNoTransaction() {
        Transactions transactions = context.getBean(Transactions.class);
        Orders orders = context.getBean(Orders.class);
        transactions.ends.clear();
        assertEquals("ordered", orders.order());
        assertThrows(RateLimitExceededException.class, orders::order);
        assertThrows(IllegalStateException.class, orders::fail);
        assertThrows(RateLimitExceededException.class, orders::fail, "a call that was rolled back has cost a permit");
        assertEquals(List.of("commit", "rollback"), transactions.ends);
    }

    @Test
    void denialOfCalledBeanRollsTransactionBack() {
        Transactions transactions = context.getBean(Transactions.class);
        Checkout checkout = context.getBean(Checkout.class);
        transactions.ends.clear();
        checkout.pay();
        assertThrows(RateLimitExceededException.class, checkout::pay);
        assertEquals(List.of("commit", "rollback"), transactions.ends);
    }

    @Singleton
    @CacheConfig("prices")
    @Requires(property = "spec", value = "CacheAndTransactionTest")
    static class Prices {

        private final AtomicInteger calls = new AtomicInteger();
        private final AtomicInteger futures = new AtomicInteger();
        private final AtomicInteger monos = new AtomicInteger();

        @Cacheable
        @RateLimit("2/h")
        String first(String key) {
            return "first " + calls.incrementAndGet();
        }

        @Cacheable
        @RateLimit("2/h")
        CompletableFuture<String> future(String key) {
            return CompletableFuture.completedFuture("future " + futures.incrementAndGet());
        }

        @Cacheable
        @RateLimit("2/h")
        Mono<String> mono(String key) {
            return Mono.fromCallable(() -> "mono " + monos.incrementAndGet());
        }

        @CachePut(parameters = "key")
        @RateLimit("1/h")
        String put(String key, String value) {
            return value;
        }

        @Cacheable
        String get(String key) {
            return "absent";
        }

        @CacheInvalidate
        @RateLimit("1/h")
        void invalidate(String key) {}
    }

    @Singleton
    @Requires(property = "spec", value = "CacheAndTransactionTest")
    static class Loader {

        @RateLimit("2/h")
        String load(String key) {
            return "loaded " + key;
        }
    }

    @Singleton
    @Requires(property = "spec", value = "CacheAndTransactionTest")
    static class CachingCaller {

        private final Loader loader;

        CachingCaller(Loader loader) {
            this.loader = loader;
        }

        @Cacheable("loaded")
        String load(String key) {
            return loader.load(key);
        }
    }

    @Singleton
    @Requires(property = "spec", value = "CacheAndTransactionTest")
    static class Orders {

        @Transactional
        @RateLimit("1/h")
        String order() {
            return "ordered";
        }

        @Transactional
        @RateLimit("1/h")
        String fail() {
            throw new IllegalStateException("failed");
        }
    }

    @Singleton
    @Requires(property = "spec", value = "CacheAndTransactionTest")
    static class Payments {

        @RateLimit("1/h")
        void pay() {}
    }

    @Singleton
    @Requires(property = "spec", value = "CacheAndTransactionTest")
    static class Checkout {

        private final Payments payments;

        Checkout(Payments payments) {
            this.payments = payments;
        }

        @Transactional
        void pay() {
            payments.pay();
        }
    }

    /** Stands for a data source: records how transactions end. */
    @Singleton
    @Requires(property = "spec", value = "CacheAndTransactionTest")
    static class Transactions implements TransactionOperations<Object> {

        final List<String> ends = new ArrayList<>();

        @Override
        public Object getConnection() {
            return this;
        }

        @Override
        public boolean hasConnection() {
            return true;
        }

        @Override
        public Optional<? extends TransactionStatus<?>> findTransactionStatus() {
            return Optional.empty();
        }

        @Override
        @SuppressWarnings("NullAway") // no callback of the interceptor reads the status
        public <R> R execute(TransactionDefinition definition, TransactionCallback<Object, R> callback) {
            boolean committed = false;
            try {
                R result = callback.apply(null);
                committed = true;
                return result;
            } finally {
                ends.add(committed ? "commit" : "rollback");
            }
        }
    }
}
