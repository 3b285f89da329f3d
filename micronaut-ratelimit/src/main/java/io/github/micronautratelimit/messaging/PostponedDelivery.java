package io.github.micronautratelimit.messaging;

import io.github.micronautratelimit.Lease;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;

/** Records that wait for their turn, and the lease that they get then. For use by one thread. */
final class PostponedDelivery {

    private final Map<TopicPartition, List<ConsumerRecord<Object, Object>>> records;
    private final CompletableFuture<Lease> lease;
    private final Consumer<Lease> giveBack;
    private boolean delivered;

    PostponedDelivery(
            Map<TopicPartition, List<ConsumerRecord<Object, Object>>> records,
            CompletableFuture<Lease> lease,
            Consumer<Lease> giveBack) {
        this.records = records;
        this.lease = lease;
        this.giveBack = giveBack;
    }

    /**
     * Waits for the turn. A thread that is interrupted returns at once.
     *
     * @return {@code false} if it has not come, or never will because the application stops
     */
    boolean await(Duration longest) {
        try {
            lease.get(longest.toNanos(), TimeUnit.NANOSECONDS);
            return true;
        } catch (TimeoutException e) {
            return false;
        } catch (ExecutionException | CancellationException e) {
            LockSupport.parkNanos(longest.toNanos());
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    boolean isDelivered() {
        return delivered;
    }

    /**
     * Delivers the lease, if it is for these records. Otherwise gives it back.
     *
     * @return {@code false} if the records are others, for example because a partition has moved to another consumer
     */
    boolean deliver(Map<TopicPartition, List<ConsumerRecord<Object, Object>>> others) {
        delivered = records.equals(others);
        if (!delivered) {
            giveBack();
        }
        return delivered;
    }

    /** Returns the lease of the turn that has come. */
    Lease lease() {
        return lease.join();
    }

    void giveBack() {
        if (!lease.cancel(false) && !lease.isCompletedExceptionally()) {
            giveBack.accept(lease.join());
        }
    }
}
