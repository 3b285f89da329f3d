package io.github.micronautratelimit.messaging;

import java.util.Collection;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.WakeupException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Commits positions before partitions move to another consumer, then notifies the listener of the application. */
final class CommitBeforeRebalance implements ConsumerRebalanceListener {

    private static final Logger LOG = LoggerFactory.getLogger(CommitBeforeRebalance.class);

    private final @Nullable ConsumerRebalanceListener listener;
    private final Consumer<Collection<TopicPartition>> commit;

    CommitBeforeRebalance(@Nullable ConsumerRebalanceListener listener, Consumer<Collection<TopicPartition>> commit) {
        this.listener = listener;
        this.commit = commit;
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        try {
            commit.accept(partitions);
        } catch (WakeupException | InterruptException e) {
            throw e;
        } catch (KafkaException e) {
            LOG.warn(
                    "Could not commit the positions of partitions that move to another consumer, which receives their "
                            + "last records again: {}",
                    e.toString());
        }
        if (listener != null) {
            listener.onPartitionsRevoked(partitions);
        }
    }

    @Override
    public void onPartitionsLost(Collection<TopicPartition> partitions) {
        if (listener != null) {
            listener.onPartitionsLost(partitions);
        }
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        if (listener != null) {
            listener.onPartitionsAssigned(partitions);
        }
    }
}
