package io.github.micronautratelimit.configuration;

import io.micronaut.context.env.Environment;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.annotation.Internal;
import io.micronaut.core.beans.BeanIntrospection;
import io.micronaut.core.beans.BeanProperty;
import io.micronaut.core.convert.ArgumentConversionContext;
import io.micronaut.core.convert.ConversionContext;
import io.micronaut.core.convert.ConversionError;
import io.micronaut.core.naming.NameUtils;
import io.micronaut.core.type.Argument;
import io.micronaut.core.value.PropertyCatalog;
import io.micronaut.runtime.ApplicationConfiguration;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * The properties that may change while the application runs, read from the current environment. A refresh of the
 * framework only writes changed values into existing beans. It creates no beans for added properties and does not reset
 * removed ones.
 *
 * @param general  the properties directly below {@code ratelimit}
 * @param policies the policies
 * @param rules    the rules
 */
@Internal
public record RefreshedConfiguration(
        RateLimitConfiguration general, List<PolicyConfiguration> policies, List<RuleConfiguration> rules) {

    /**
     * Reads the properties.
     *
     * @param environment the current environment
     * @param application its name is the default namespace
     * @return new objects; a missing property has its default
     * @throws ConfigurationException if a value is invalid
     */
    public static RefreshedConfiguration read(Environment environment, ApplicationConfiguration application) {
        return new RefreshedConfiguration(
                fill(new RateLimitConfiguration(application), RateLimitConfiguration.PREFIX, environment),
                policies(environment),
                rules(environment));
    }

    private static List<PolicyConfiguration> policies(Environment environment) {
        String prefix = RateLimitConfiguration.PREFIX + ".policies";
        Set<String> present = present(prefix, environment);
        return WrittenNames.policies(
                environment.getPropertyEntries(prefix).stream()
                        .filter(present::contains)
                        .map(name -> fill(new PolicyConfiguration(name), prefix + "." + name, environment))
                        .toList(),
                environment);
    }

    private static List<RuleConfiguration> rules(Environment environment) {
        if (!present(RateLimitConfiguration.PREFIX, environment).contains("rules")) {
            return List.of();
        }
        String prefix = RateLimitConfiguration.PREFIX + ".rules";
        int count = environment
                .getProperty(prefix, Argument.listOf(Object.class))
                .orElse(List.of())
                .size();
        return IntStream.range(0, count)
                .mapToObj(i -> fill(new RuleConfiguration(i), prefix + "[" + i + "]", environment))
                .toList();
    }

    /**
     * Returns the names that are present below a prefix. A refresh deletes removed properties from this catalog only;
     * other catalogs keep them.
     */
    private static Set<String> present(String prefix, Environment environment) {
        return Set.copyOf(environment.getPropertyEntries(prefix, PropertyCatalog.GENERATED));
    }

    @SuppressWarnings("unchecked")
    private static <T> T fill(T bean, String prefix, Environment environment) {
        Set<String> present = present(prefix, environment);
        for (BeanProperty<T, ?> property :
                BeanIntrospection.getIntrospection((Class<T>) bean.getClass()).getBeanProperties()) {
            String name = NameUtils.hyphenate(property.getName());
            if (!property.isReadOnly() && present.contains(name)) {
                set(bean, (BeanProperty<T, Object>) property, prefix + "." + name, environment);
            }
        }
        return bean;
    }

    private static <T> void set(T bean, BeanProperty<T, Object> property, String name, Environment environment) {
        ArgumentConversionContext<Object> context = ConversionContext.of(property.asArgument());
        environment.getProperty(name, context).ifPresent(value -> property.set(bean, value));
        ConversionError error = context.getLastError().orElse(null);
        if (error != null) {
            throw new ConfigurationException(
                    name + " = \"" + error.getOriginalValue().orElse("") + "\" is not a valid "
                            + property.asArgument().getType().getSimpleName() + ": "
                            + error.getCause().getMessage(),
                    error.getCause());
        }
    }
}
