package io.github.micronautratelimit.messaging;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;

/**
 * The records that a consumer has read and a listener has not received, by partition and in order. The position of a
 * partition is that of its first record here, so that a consumer which commits its positions commits no record that was
 * not received. Not thread-safe.
 */
final class RecordBacklog {

    private final Map<TopicPartition, Part> parts = new LinkedHashMap<>();

    /**
     * The records of a partition.
     *
     * @param records the records in order
     * @param end     the position after them, which is not always the offset of the last one plus 1
     */
    private record Part(Deque<ConsumerRecord<Object, Object>> records, long end) {

        long position() {
            ConsumerRecord<Object, Object> first = records.peekFirst();
            return first == null ? end : first.offset();
        }
    }

    /**
     * Adds what a consumer has read. Records that are left of the same partitions are replaced: the consumer has read
     * them again.
     *
     * @param read     the records
     * @param position returns the position of the consumer in a partition
     * @return the partitions of the records
     */
    Collection<TopicPartition> add(ConsumerRecords<Object, Object> read, ToLongFunction<TopicPartition> position) {
        for (TopicPartition partition : read.partitions()) {
            parts.remove(partition);
            parts.put(partition, new Part(new ArrayDeque<>(read.records(partition)), position.applyAsLong(partition)));
        }
        return read.partitions();
    }

    /** Removes the records of partitions whose position is another one: a seek, or another consumer, came between. */
    void removeStale(Predicate<TopicPartition> assigned, ToLongFunction<TopicPartition> position) {
        parts.entrySet()
                .removeIf(part -> part.getValue().records().isEmpty()
                        || !assigned.test(part.getKey())
                        || position.applyAsLong(part.getKey())
                                != part.getValue().position());
    }

    /** Returns whether {@link #take} would find a record. */
    boolean has(Predicate<TopicPartition> available) {
        return parts.entrySet().stream()
                .anyMatch(part -> !part.getValue().records().isEmpty() && available.test(part.getKey()));
    }

    /**
     * Removes the next records.
     *
     * @param most      the most records
     * @param available whether records of a partition may be taken
     * @return the records by partition, in order
     */
    Map<TopicPartition, List<ConsumerRecord<Object, Object>>> take(int most, Predicate<TopicPartition> available) {
        Map<TopicPartition, List<ConsumerRecord<Object, Object>>> taken = new LinkedHashMap<>();
        int left = most;
        for (Map.Entry<TopicPartition, Part> part : parts.entrySet()) {
            Deque<ConsumerRecord<Object, Object>> records = part.getValue().records();
            if (left == 0) {
                break;
            }
            if (!records.isEmpty() && available.test(part.getKey())) {
                List<ConsumerRecord<Object, Object>> ofPart = new ArrayList<>();
                while (left > 0 && !records.isEmpty()) {
                    ofPart.add(records.removeFirst());
                    left--;
                }
                taken.put(part.getKey(), ofPart);
            }
        }
        return taken;
    }

    /** Puts the records of the last {@link #take} back in front of the others. */
    void putBack(Map<TopicPartition, List<ConsumerRecord<Object, Object>>> taken) {
        taken.forEach((partition, records) -> {
            Part part = parts.get(partition);
            for (int i = records.size() - 1; part != null && i >= 0; i--) {
                part.records().addFirst(records.get(i));
            }
        });
    }

    /** Returns the position of a partition, or {@code otherwise} if none of its records was read. */
    long position(TopicPartition partition, long otherwise) {
        Part part = parts.get(partition);
        return part == null ? otherwise : part.position();
    }
}
