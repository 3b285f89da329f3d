package io.github.micronautratelimit.messaging;

import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.context.BeanProvider;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.event.BeanCreatedEvent;
import io.micronaut.context.event.BeanCreatedEventListener;
import jakarta.inject.Singleton;
import org.apache.kafka.clients.consumer.Consumer;

/** Makes the Kafka consumers of listeners deliver records again whose turn has not come. */
@Singleton
@RequiresRateLimit
@Requires(classes = Consumer.class)
final class KafkaConsumers implements BeanCreatedEventListener<Consumer<?, ?>> {

    private final BeanProvider<LimitedTopics> topics;

    KafkaConsumers(BeanProvider<LimitedTopics> topics) {
        this.topics = topics;
    }

    @Override
    @SuppressWarnings("unchecked")
    public Consumer<?, ?> onCreated(BeanCreatedEvent<Consumer<?, ?>> event) {
        return PacedConsumer.around((Consumer<Object, Object>) event.getBean(), topics::get);
    }
}
