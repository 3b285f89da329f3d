package io.github.micronautratelimit.configuration;

import io.micronaut.context.BeanContext;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.env.Environment;
import io.micronaut.context.env.PropertySource;
import io.micronaut.context.env.SystemPropertiesPropertySource;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.annotation.Internal;
import io.micronaut.core.annotation.Order;
import io.micronaut.core.convert.ArgumentConversionContext;
import io.micronaut.core.convert.ConversionContext;
import io.micronaut.core.order.Ordered;
import io.micronaut.core.type.Argument;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Fails start-up, before any other bean, if the configuration contains an unknown property or an invalid value. Without
 * this check, a misspelt property would leave a route without a limit.
 *
 * <p>Of environment variables, only the values of known properties are checked, and the names of policies and rules,
 * because other software writes variables too: Kubernetes sets {@code RATELIMIT_PORT} for a service of the name
 * {@code ratelimit}. Unknown system properties are not rejected for the same reason.
 */
@Internal
@Context
@Order(Ordered.HIGHEST_PRECEDENCE)
@RequiresRateLimit
public final class ConfigurationValidator {

    private static final String PREFIX = RateLimitConfiguration.PREFIX;
    private static final List<String> MODULES = List.of("redis", "hazelcast", "dynamodb");

    /** {@link ManagementModuleCheck} rejects its properties. */
    private static final String DASHBOARD = "dashboard";

    private final Environment environment;
    private final BeanContext beans;

    ConfigurationValidator(Environment environment, BeanContext beans) {
        this.environment = environment;
        this.beans = beans;
        check();
    }

    /**
     * Checks the current configuration, and adds the policies and rules of environment variables to it.
     *
     * @throws ConfigurationException if a property is unknown or a value is invalid
     */
    public void check() {
        Map<PropertyName, Optional<Object>> configured = configured();
        // The schema reads the definitions of all beans, which an application without a property need not pay for.
        if (configured.isEmpty() && !EnvironmentVariables.areIn(environment)) {
            return;
        }
        ConfigurationSchema schema = new ConfigurationSchema(beans);
        for (PropertyName variable : new EnvironmentVariables(environment, schema).translate()) {
            schema.typeOf(variable).ifPresent(type -> checkValue(variable, type));
        }
        MisspeltPrefix misspelt = new MisspeltPrefix(schema);
        configured.forEach((name, value) -> {
            misspelt.meant(name).ifPresent(meant -> {
                throw new ConfigurationException("Unknown property `" + name + "`; did you mean `" + meant + "`?");
            });
            if (name.parts().get(0).equals(PREFIX)) {
                check(name, value.orElse(null), schema);
            }
        });
    }

    private void check(PropertyName name, @Nullable Object value, ConfigurationSchema schema) {
        if (name.isElementOfRule()) {
            throw new ConfigurationException("`" + name
                    + "` would be ignored, because an element of a list cannot be set"
                    + " within a rule; write all elements as `" + name.withoutIndex() + "`, separated by commas.");
        }
        schema.typeOf(name)
                .ifPresentOrElse(
                        type -> {
                            if (value != null) {
                                checkValue(name, type);
                            }
                        },
                        () -> checkUnknown(name, value, schema));
    }

    /**
     * Returns the properties below {@code ratelimit} and similar names, but those of environment variables and system
     * properties.
     */
    private Map<PropertyName, Optional<Object>> configured() {
        ListElements elements = new ListElements(environment);
        Map<PropertyName, Optional<Object>> configured = new LinkedHashMap<>();
        for (PropertySource source : environment.getPropertySources()) {
            if (source.getConvention() != PropertySource.PropertyConvention.ENVIRONMENT_VARIABLE
                    && !source.getName().equals(SystemPropertiesPropertySource.NAME)) {
                for (String name : source) {
                    PropertyName property = PropertyName.of(name);
                    if (property.hasIndex() && MisspeltPrefix.isLikeOurs(property)) {
                        elements.require(property);
                    }
                    add(property, source.get(name), configured);
                }
            }
        }
        configured.keySet().removeIf(name -> !MisspeltPrefix.isLikeOurs(name));
        return configured;
    }

    private static void add(PropertyName name, @Nullable Object value, Map<PropertyName, Optional<Object>> configured) {
        if (value instanceof Map<?, ?> map) {
            map.forEach((key, inner) -> add(name.append(String.valueOf(key)), inner, configured));
        } else if (value instanceof Collection<?> list && list.stream().anyMatch(Map.class::isInstance)) {
            int index = 0;
            for (Object inner : list) {
                add(name.append("[" + index++ + "]"), inner, configured);
            }
        } else {
            configured.put(name, Optional.ofNullable(value));
        }
    }

    /** The message does not contain the value, which may be a secret. */
    private void checkUnknown(PropertyName name, @Nullable Object value, ConfigurationSchema schema) {
        boolean empty = value == null
                || value instanceof Collection<?> list && list.isEmpty()
                || value instanceof CharSequence text && text.isEmpty();
        if (empty && schema.isPrefix(name)) {
            return;
        }
        if (name.parts().size() == 1) {
            throw new ConfigurationException("`" + PREFIX + "` has a value, but only the properties below it may have"
                    + " one; write `" + PREFIX + ".enabled: false` to remove all limits.");
        }
        if (name.isInCase()) {
            // The text of a case without quotation marks; the reader of the cases rejects any other name.
            return;
        }
        String section = name.parts().get(1);
        if (MODULES.contains(section)) {
            requireModule(section);
        } else if (!section.equals(DASHBOARD)) {
            throw new ConfigurationException("Unknown property `" + name + "`; " + schema.suggestion(name));
        }
    }

    private void requireModule(String module) {
        String backend =
                environment.getProperty(PREFIX + ".backend", String.class).orElse(module);
        if (backend.equals(module)) {
            throw new ConfigurationException("`" + PREFIX + "." + module + "` is configured, but the module for it is"
                    + " missing; add the dependency io.github.micronautratelimit:micronaut-ratelimit-" + module
                    + ", or remove the property.");
        }
    }

    private void checkValue(PropertyName name, Argument<?> type) {
        if (type.getType() == String.class || Collection.class.isAssignableFrom(type.getType())) {
            return;
        }
        ArgumentConversionContext<?> context = ConversionContext.of(type);
        environment.getProperty(name.toString(), context);
        String text = environment.getProperty(name.toString(), String.class).orElse("");
        boolean neitherTrueNorFalse = type.getType() == boolean.class && !text.equals("true") && !text.equals("false");
        if (context.getLastError().isPresent() || text.isEmpty() || neitherTrueNorFalse) {
            throw new ConfigurationException(
                    name + " = \"" + text + "\" is invalid; write " + example(type.getType()) + ".");
        }
        if (isNumber(type.getType())) {
            checkNumber(name, text, type.getType());
        }
    }

    private static boolean isNumber(Class<?> type) {
        return type == int.class || type == long.class;
    }

    /** The framework drops fractions and high bits. */
    private static void checkNumber(PropertyName name, String text, Class<?> type) {
        long most = type == int.class ? Integer.MAX_VALUE : Long.MAX_VALUE;
        BigDecimal number = new BigDecimal(text.strip());
        if (number.stripTrailingZeros().scale() > 0 || number.abs().compareTo(BigDecimal.valueOf(most)) > 0) {
            throw new ConfigurationException(
                    name + " = \"" + text + "\" is invalid; write a whole number of at most " + most + ".");
        }
    }

    private static String example(Class<?> type) {
        if (type.isEnum()) {
            return Arrays.stream(type.getEnumConstants())
                    .map(constant ->
                            ((Enum<?>) constant).name().toLowerCase(Locale.ROOT).replace('_', '-'))
                    .collect(Collectors.joining(", ", "one of ", ""));
        }
        return type == Duration.class
                ? "a duration such as 100ms, 10s or 1m"
                : type == boolean.class ? "true or false" : "a whole number";
    }
}
