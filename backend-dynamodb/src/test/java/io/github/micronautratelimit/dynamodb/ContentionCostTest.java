package io.github.micronautratelimit.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.TokenBucket;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The requests and writes of a decision if callers do not wait for each other, in virtual time. Measured after the
 * instances have seen the load for a while.
 */
class ContentionCostTest {

    /** A table of its own, because tests that scan the common one would find many keys. */
    private static final String TABLE = "contention";

    private static final long START = 1_790_000_163_376_680L;
    private static final int DECISIONS = 3_000;
    /** The decisions until the instances have learned what the load is like. */
    private static final int WARM_UP = 2_500;

    /** The permits of the calls under way, and of the time that they take. */
    private static final int MOST_UNDER_WAY = 40;

    @BeforeAll
    static void createTable() {
        Tables.create(CountingClient.STORE, TABLE);
    }

    @AfterAll
    static void deleteTable() {
        CountingClient.STORE.deleteTable(table -> table.tableName(TABLE));
    }

    private static final class Load {

        private final Policy policy;
        private final VirtualNetwork network;
        private final Random random = new Random(7);
        private final List<DynamoDbBackend> instances = new ArrayList<>();
        private final int keys;
        private long begun;
        private long decided;
        private long granted;
        private long requestsBefore;
        private long readsBefore;

        Load(String limits, int instances, int keys, int maxDelayMicros) {
            this.policy = Policy.of("load", limits);
            this.network = new VirtualNetwork(START, maxDelayMicros, 5);
            this.keys = keys;
            String namespace = "contention-" + UUID.randomUUID();
            for (int i = 0; i < instances; i++) {
                this.instances.add(new DynamoDbBackend(network, TABLE, namespace, network::micros, () -> {}));
            }
        }

        void run(int callers) {
            for (int i = 0; i < callers; i++) {
                DynamoDbBackend instance = instances.get(i % instances.size());
                network.after(random.nextInt(5_000), () -> next(instance));
            }
            network.run();
            assertEquals(WARM_UP + DECISIONS, decided);
        }

        private void next(DynamoDbBackend instance) {
            if (begun == WARM_UP) {
                requestsBefore = network.requests();
                readsBefore = network.reads();
            }
            if (begun++ < WARM_UP + DECISIONS) {
                instance.acquire(policy, "key" + random.nextInt(keys), 1).thenAccept(decision -> {
                    decided++;
                    granted += decision.allowed() ? 1 : 0;
                    network.after(0, () -> next(instance));
                });
            }
        }

        double reads() {
            return (double) (network.reads() - readsBefore) / DECISIONS;
        }

        double writes() {
            return (double) (network.requests() - requestsBefore) / DECISIONS - reads();
        }

        /** Never more, and less only by the calls under way. */
        void assertGrantsAreThoseOfTheBucket() {
            TokenBucket bucket = (TokenBucket) policy.rateLimits().get(0);
            double refilled = (double) (network.micros() - START) * bucket.permits() / bucket.periodMicros();
            assertTrue(granted <= bucket.burst() + refilled, () -> granted + " granted");
            double least = Math.min(WARM_UP + DECISIONS, bucket.burst() + refilled - MOST_UNDER_WAY);
            assertTrue(granted >= least, () -> granted + " granted, least " + least);
        }

        void print(String what) {
            System.out.printf(
                    "%s: %.3f requests = %.3f writes + %.3f reads, $%.3f a million, %.0f decisions/s%n",
                    what,
                    writes() + reads(),
                    writes(),
                    reads(),
                    writes() * 0.625 + reads() * 0.125,
                    (WARM_UP + DECISIONS) * 1e6 / (network.micros() - START));
        }
    }

    /**
     * Callers on one key that ask without a pause. The delay is that of a request or a response, at most. A bucket that
     * gains a token while a request is under way is full or not depending on which of the callers comes first.
     */
    @ParameterizedTest
    @CsvSource({
        "100000/s, 8, 8, 4000, 1.45",
        "100000/s, 4, 32, 4000, 1.75",
        "1000/s, 8, 8, 4000, 1.45",
        "100/s, 8, 8, 4000, 1.05"
    })
    void contendedTokenBucket(String limits, int instances, int callers, int maxDelayMicros, double most) {
        Load load = new Load(limits, instances, 1, maxDelayMicros);
        load.run(callers);
        load.print(callers + " callers on " + instances + " instances, " + limits + ", " + maxDelayMicros + " us");
        assertTrue(load.writes() + load.reads() <= most);
        load.assertGrantsAreThoseOfTheBucket();
    }

    /** Keys that many instances share. Most of the time, an instance has not seen the window of the key. */
    @ParameterizedTest
    @CsvSource({"100/s sliding, 16, 500, 1.01", "100/s sliding, 4, 500, 1.01", "100/s sliding, 16, 10000, 1.25"})
    void slidingWindowOfManyInstances(String limits, int instances, int keys, double mostWrites) {
        Load load = new Load(limits, instances, keys, 8_000);
        load.run(32);
        load.print(instances + " instances, " + keys + " keys, " + limits);
        assertEquals(WARM_UP + DECISIONS, load.granted);
        assertTrue(load.writes() <= mostWrites);
    }
}
