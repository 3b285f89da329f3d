package io.github.micronautratelimit.messaging;

import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.messaging.LimitedTopics.Pace;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * A Kafka consumer that returns a record again if its listener has postponed it.
 *
 * <p><em>Positions.</em> The listener receives one record per poll, and the position of each partition is that of the
 * first record which was not received. So whatever commits positions, the automatic commit and a rebalance included,
 * commits no record before its listener has run. A rebalance begins with the automatic commit and may take several
 * polls, so positions are committed again when the partitions are revoked.
 *
 * <p><em>Waiting.</em> While a record waits for its turn, polls pause all partitions and return nothing. The thread
 * continues heartbeats and rebalances, so a wait may exceed {@code max.poll.interval.ms}. A partition that moves to
 * another consumer takes its records with it.
 *
 * <p>Like any consumer, for use by one thread, except {@code wakeup}.
 */
final class PacedConsumer extends MessageDelivery implements InvocationHandler {

    /** The longest time for which one poll waits for a turn, so that the consumer soon notices that it is to stop. */
    private static final Duration LONGEST_PAUSE = Duration.ofMillis(100);

    /** The longest time without a call to the broker while records are left. */
    private static final long KEEP_ALIVE_NANOS = 1_000_000_000L;

    private final Consumer<Object, Object> consumer;
    private final Supplier<LimitedTopics> topics;
    private final RecordBacklog backlog = new RecordBacklog();
    private Map<TopicPartition, List<ConsumerRecord<Object, Object>>> delivered = Map.of();
    private @Nullable PostponedDelivery postponed;
    private @Nullable Pace pace;
    private int most = Integer.MAX_VALUE;
    private long polledNanos = System.nanoTime();
    private volatile boolean wokenUp;

    private PacedConsumer(Consumer<Object, Object> consumer, Supplier<LimitedTopics> topics) {
        this.consumer = consumer;
        this.topics = topics;
    }

    static Consumer<?, ?> around(Consumer<Object, Object> consumer, Supplier<LimitedTopics> topics) {
        return (Consumer<?, ?>) Proxy.newProxyInstance(
                Consumer.class.getClassLoader(), new Class<?>[] {Consumer.class}, new PacedConsumer(consumer, topics));
    }

    @Override
    public @Nullable Object invoke(Object proxy, Method method, Object @Nullable [] arguments) throws Throwable {
        Object first = arguments == null || arguments.length == 0 ? null : arguments[0];
        switch (method.getName()) {
            case "equals" -> {
                return proxy == first;
            }
            case "poll" -> {
                if (pace != null && first instanceof Duration timeout) {
                    return poll(timeout);
                }
            }
            case "commitSync", "commitAsync" -> {
                if (arguments != null && first instanceof Map<?, ?> offsets) {
                    arguments[0] = withoutPostponed(offsets);
                }
            }
            case "subscribe" -> {
                if (arguments != null && first != null && isPaced(first)) {
                    return subscribe(first, arguments.length > 1 ? arguments[1] : null);
                }
            }
            case "wakeup" -> wokenUp = true;
            case "close" -> close();
            default -> {}
        }
        try {
            return method.invoke(consumer, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause() == null ? e : e.getCause();
        }
    }

    private boolean isPaced(Object subscription) {
        Pace found = topics.get().paceOf(subscription, consumer.groupMetadata().groupId());
        if (found != null) {
            pace = pace == null
                    ? found
                    : new Pace(pace.single() || found.single(), pace.automatic() && found.automatic());
            most = pace.single() ? 1 : Integer.MAX_VALUE;
        }
        return found != null;
    }

    @SuppressWarnings("unchecked")
    private @Nullable Object subscribe(Object subscription, @Nullable Object listener) {
        ConsumerRebalanceListener commits =
                new CommitBeforeRebalance((ConsumerRebalanceListener) listener, this::commitPositions);
        if (subscription instanceof Pattern pattern) {
            consumer.subscribe(pattern, commits);
        } else {
            consumer.subscribe((Collection<String>) subscription, commits);
        }
        return null;
    }

    /** Commits the positions of partitions that another consumer may get, if the consumer commits them itself. */
    private void commitPositions(Collection<TopicPartition> partitions) {
        if (pace != null && pace.automatic() && !partitions.isEmpty()) {
            Map<TopicPartition, OffsetAndMetadata> positions = new HashMap<>();
            partitions.forEach(
                    partition -> positions.put(partition, new OffsetAndMetadata(consumer.position(partition))));
            consumer.commitSync(positions);
        }
    }

    private ConsumerRecords<Object, Object> poll(Duration timeout) {
        begin();
        endDelivery();
        if (postponed != null) {
            keepAlive();
            if (!postponed.await(timeout.compareTo(LONGEST_PAUSE) < 0 ? timeout : LONGEST_PAUSE)) {
                return ConsumerRecords.empty();
            }
        } else if (wokenUp || System.nanoTime() - polledNanos > KEEP_ALIVE_NANOS && backlog.has(this::isAvailable)) {
            keepAlive();
        }
        Set<TopicPartition> moved = new HashSet<>();
        backlog.removeStale(consumer.assignment()::contains, consumer::position);
        if (!backlog.has(this::isAvailable)) {
            ConsumerRecords<Object, Object> read = consumer.poll(timeout);
            polledNanos = System.nanoTime();
            moved.addAll(backlog.add(read, consumer::position));
        }
        return deliver(moved);
    }

    private boolean isAvailable(TopicPartition partition) {
        return !consumer.paused().contains(partition);
    }

    /** Ends the last delivery. A lease that its listener has not taken is given back. */
    private void endDelivery() {
        delivered = Map.of();
        if (postponed != null && postponed.isDelivered()) {
            postponed.giveBack();
            postponed = null;
        }
    }

    private ConsumerRecords<Object, Object> deliver(Set<TopicPartition> moved) {
        delivered = backlog.take(most, this::isAvailable);
        moved.addAll(delivered.keySet());
        seekToBacklog(moved);
        if (postponed != null && !delivered.isEmpty() && !postponed.deliver(delivered)) {
            postponed = null;
        }
        return new ConsumerRecords<>(delivered);
    }

    private void seekToBacklog(Collection<TopicPartition> partitions) {
        for (TopicPartition partition : partitions) {
            long position = consumer.position(partition);
            long first = backlog.position(partition, position);
            if (first != position) {
                consumer.seek(partition, first);
            }
        }
    }

    /** Lets the consumer do its work without reading records, except those of partitions that it has just got. */
    private void keepAlive() {
        Set<TopicPartition> pausedBefore = consumer.paused();
        consumer.pause(consumer.assignment());
        try {
            ConsumerRecords<Object, Object> read = consumer.poll(Duration.ZERO);
            polledNanos = System.nanoTime();
            seekToBacklog(backlog.add(read, consumer::position));
        } finally {
            Set<TopicPartition> pausedNow = new HashSet<>(consumer.paused());
            pausedNow.removeAll(pausedBefore);
            consumer.resume(pausedNow);
        }
    }

    @Override
    public @Nullable Lease takeLease() {
        PostponedDelivery due = postponed;
        postponed = null;
        return due == null ? null : due.lease();
    }

    @Override
    public void postpone(CompletableFuture<Lease> lease, java.util.function.Consumer<Lease> giveBack) {
        postponed = new PostponedDelivery(delivered, lease, giveBack);
        putBack();
    }

    @Override
    public boolean halve() {
        int records = delivered.values().stream().mapToInt(List::size).sum();
        if (records < 2) {
            return false;
        }
        most = records / 2;
        putBack();
        return true;
    }

    /** Only seeks, which never fails: a failure here would be one of the listener. */
    private void putBack() {
        backlog.putBack(delivered);
        delivered.forEach(
                (partition, records) -> consumer.seek(partition, records.get(0).offset()));
        delivered = Map.of();
    }

    /** Removes postponed records from a commit: the framework commits them, because the listener has returned. */
    private Map<Object, Object> withoutPostponed(Map<?, ?> offsets) {
        Map<Object, Object> honest = new HashMap<>(offsets);
        honest.replaceAll((key, value) -> {
            if (key instanceof TopicPartition partition && value instanceof OffsetAndMetadata offset) {
                long first = backlog.position(partition, offset.offset());
                return first < offset.offset() ? new OffsetAndMetadata(first, offset.metadata()) : offset;
            }
            return value;
        });
        return honest;
    }

    private void close() {
        end();
        if (postponed != null) {
            postponed.giveBack();
            postponed = null;
        }
    }
}
