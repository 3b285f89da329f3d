package io.github.micronautratelimit.messaging;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class RecordBacklogTest {

    private static final TopicPartition FIRST = new TopicPartition("topic", 0);
    private static final TopicPartition SECOND = new TopicPartition("topic", 1);

    private final RecordBacklog backlog = new RecordBacklog();

    /** Adds records whose offsets have gaps, as after a compaction; the end is that of the log. */
    private void add(TopicPartition partition, long end, long... offsets) {
        List<ConsumerRecord<Object, Object>> records = Arrays.stream(offsets)
                .mapToObj(offset ->
                        new ConsumerRecord<Object, Object>("topic", partition.partition(), offset, null, null))
                .toList();
        Map<TopicPartition, List<ConsumerRecord<Object, Object>>> read = new HashMap<>();
        read.put(partition, records);
        backlog.add(new ConsumerRecords<>(read), any -> end);
    }

    private static List<Long> offsets(Map<TopicPartition, List<ConsumerRecord<Object, Object>>> taken) {
        return taken.values().stream()
                .flatMap(List::stream)
                .map(ConsumerRecord::offset)
                .toList();
    }

    @Test
    void positionIsThatOfTheFirstRecordLeft() {
        add(FIRST, 20, 5, 9, 12);
        assertEquals(5, backlog.position(FIRST, -1));
        assertEquals(List.of(5L), offsets(backlog.take(1, any -> true)));
        assertEquals(9, backlog.position(FIRST, -1));
        assertEquals(List.of(9L, 12L), offsets(backlog.take(10, any -> true)));
        assertEquals(20, backlog.position(FIRST, -1));
        assertEquals(7, backlog.position(SECOND, 7));
    }

    @Test
    void recordsThatArePutBackComeAgainFirst() {
        add(FIRST, 20, 5, 9, 12);
        Map<TopicPartition, List<ConsumerRecord<Object, Object>>> taken = backlog.take(2, any -> true);
        backlog.putBack(taken);
        assertEquals(5, backlog.position(FIRST, -1));
        assertEquals(taken, backlog.take(2, any -> true));
    }

    @Test
    void pausedPartitionsKeepTheirRecords() {
        add(FIRST, 20, 5);
        add(SECOND, 30, 1, 2);
        assertEquals(List.of(1L, 2L), offsets(backlog.take(10, SECOND::equals)));
        assertFalse(backlog.has(SECOND::equals));
        assertTrue(backlog.has(FIRST::equals));
        assertEquals(List.of(5L), offsets(backlog.take(10, any -> true)));
    }

    @Test
    void recordsOfPartitionsThatMovedAreRemoved() {
        add(FIRST, 20, 5, 9);
        add(SECOND, 30, 1, 2);
        backlog.removeStale(FIRST::equals, any -> 5);
        assertEquals(List.of(5L, 9L), offsets(backlog.take(10, any -> true)));
        add(FIRST, 20, 5, 9);
        backlog.removeStale(any -> true, any -> 9); // a seek behind the first record
        assertFalse(backlog.has(any -> true));
    }

    @Test
    void recordsThatAreReadAgainReplaceTheOldOnes() {
        add(FIRST, 20, 5, 9, 12);
        add(FIRST, 13, 9, 12);
        assertEquals(List.of(9L, 12L), offsets(backlog.take(10, any -> true)));
        assertEquals(13, backlog.position(FIRST, -1));
    }
}
