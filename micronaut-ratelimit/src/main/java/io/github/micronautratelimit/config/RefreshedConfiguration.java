package io.github.micronautratelimit.config;

import java.util.ArrayList;
import java.util.List;

import io.micronaut.context.env.Environment;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.beans.BeanIntrospection;
import io.micronaut.core.beans.BeanProperty;
import io.micronaut.core.convert.ArgumentConversionContext;
import io.micronaut.core.convert.ConversionContext;
import io.micronaut.core.convert.ConversionError;
import io.micronaut.core.naming.NameUtils;
import io.micronaut.core.type.Argument;
import io.micronaut.runtime.ApplicationConfiguration;

/**
 * The settings that may change while the application runs, read from where it is configured by now. A refresh of the
 * framework writes changed values into the beans it made at the start, but makes none for what was added, and forgets
 * nothing that was removed.
 *
 * @param general  what stands directly under {@code ratelimit}
 * @param policies the policies
 * @param rules    the rules
 */
public record RefreshedConfiguration(RateLimitConfiguration general, List<PolicyConfiguration> policies,
                                     List<RuleConfiguration> rules) {

    /**
     * Reads the settings.
     *
     * @param environment where they are
     * @param application names the application
     * @return new objects; what is not set has its default
     * @throws ConfigurationException if a value is none of its setting
     */
    public static RefreshedConfiguration read(Environment environment, ApplicationConfiguration application) {
        String policies = RateLimitConfiguration.PREFIX + ".policies";
        String rules = RateLimitConfiguration.PREFIX + ".rules";
        List<RuleConfiguration> readRules = new ArrayList<>();
        int numberOfRules = environment.getProperty(rules, Argument.listOf(Object.class)).orElse(List.of()).size();
        for (int i = 0; i < numberOfRules; i++) {
            readRules.add(filled(new RuleConfiguration(i), rules + "[" + i + "]", environment));
        }
        return new RefreshedConfiguration(
                filled(new RateLimitConfiguration(application), RateLimitConfiguration.PREFIX, environment),
                environment.getPropertyEntries(policies).stream()
                        .map(name -> filled(new PolicyConfiguration(name), policies + "." + name, environment)).toList(),
                readRules);
    }

    @SuppressWarnings("unchecked")
    private static <T> T filled(T blank, String prefix, Environment environment) {
        for (BeanProperty<T, ?> property : BeanIntrospection.getIntrospection((Class<T>) blank.getClass())
                .getBeanProperties()) {
            if (!property.isReadOnly()) {
                fill(blank, (BeanProperty<T, Object>) property, prefix + "." + NameUtils.hyphenate(property.getName()),
                        environment);
            }
        }
        return blank;
    }

    private static <T> void fill(T blank, BeanProperty<T, Object> property, String name, Environment environment) {
        ArgumentConversionContext<Object> context = ConversionContext.of(property.asArgument());
        environment.getProperty(name, context).ifPresent(value -> property.set(blank, value));
        ConversionError error = context.getLastError().orElse(null);
        if (error != null) {
            throw new ConfigurationException(name + " = \"" + error.getOriginalValue().orElse("") + "\" is no "
                    + property.asArgument().getType().getSimpleName() + ": " + error.getCause().getMessage(),
                    error.getCause());
        }
    }
}
