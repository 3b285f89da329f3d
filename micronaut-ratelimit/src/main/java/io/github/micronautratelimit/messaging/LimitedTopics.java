package io.github.micronautratelimit.messaging;

import io.github.micronautratelimit.annotation.RateLimited;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.context.BeanContext;
import io.micronaut.context.env.Environment;
import io.micronaut.core.annotation.AnnotationMetadata;
import io.micronaut.inject.ExecutableMethod;
import jakarta.inject.Singleton;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The Kafka topics whose listeners have limits. Reads the listeners when the first consumer subscribes. */
@Singleton
@RequiresRateLimit
final class LimitedTopics {

    private static final String LISTENER = "io.micronaut.configuration.kafka.annotation.KafkaListener";
    /** The container of the repeatable annotation for topics, which also contains a single one. */
    private static final String TOPICS = "io.micronaut.configuration.kafka.annotation.Topics";

    private static final String AUTOMATIC = "AUTO";
    private static final String FRAMEWORK = "io.micronaut.";

    private final List<Subscription> subscriptions;

    /**
     * The subscription of a listener with limits.
     *
     * @param topics    the names and patterns
     * @param group     the start of the name of its group; empty if the framework chooses one
     * @param batch     whether the listener receives several records at once
     * @param automatic whether the consumer commits the positions itself
     */
    private record Subscription(Set<String> topics, String group, boolean batch, boolean automatic) {

        /** A listener whose topics cannot be read may have any. */
        boolean contains(Object topic) {
            return topics.isEmpty() || topics.contains(topic);
        }
    }

    LimitedTopics(BeanContext beans, Environment environment) {
        subscriptions = beans.getAllBeanDefinitions().stream()
                .filter(definition -> !definition.getName().startsWith(FRAMEWORK))
                .flatMap(definition -> definition.getExecutableMethods().stream())
                .filter(method -> method.hasStereotype(RateLimited.class)
                        && method.hasStereotype(LISTENER)
                        && MessageListeners.isListener(method))
                .map(method -> subscription(method, environment))
                .toList();
    }

    private static Subscription subscription(ExecutableMethod<?, ?> method, Environment environment) {
        Set<String> topics = method.findAnnotation(TOPICS).stream()
                .flatMap(container -> container.getAnnotations(AnnotationMetadata.VALUE_MEMBER).stream())
                .flatMap(topic -> Stream.concat(
                        Arrays.stream(topic.stringValues()), Arrays.stream(topic.stringValues("patterns"))))
                .map(topic -> resolved(topic, environment))
                .collect(Collectors.toSet());
        return new Subscription(
                topics,
                resolved(method.stringValue(LISTENER, "groupId").orElse(""), environment),
                method.booleanValue(LISTENER, "batch").orElse(false),
                method.stringValue(LISTENER, "offsetStrategy").orElse(AUTOMATIC).equals(AUTOMATIC));
    }

    private static String resolved(String text, Environment environment) {
        return environment.getPlaceholderResolver().resolvePlaceholders(text).orElse(text);
    }

    /**
     * The way in which a consumer returns records.
     *
     * @param single    whether its listener receives one record at a time
     * @param automatic whether the consumer commits the positions itself
     */
    record Pace(boolean single, boolean automatic) {}

    /**
     * Returns the pace of a consumer. If a consumer may serve two listeners, the pace of single records applies,
     * which both can receive.
     *
     * @param topics a collection of names, or a pattern
     * @param group  the group of the consumer
     * @return the pace; {@code null} if no listener has limits
     */
    @Nullable
    Pace paceOf(Object topics, String group) {
        Collection<?> names = topics instanceof Collection<?> several
                ? several
                : List.of(topics instanceof Pattern pattern ? pattern.pattern() : topics);
        List<Subscription> found = subscriptions.stream()
                .filter(subscription ->
                        group.startsWith(subscription.group()) && names.stream().anyMatch(subscription::contains))
                .toList();
        return found.isEmpty()
                ? null
                : new Pace(
                        !found.stream().allMatch(Subscription::batch),
                        found.stream().allMatch(Subscription::automatic));
    }
}
