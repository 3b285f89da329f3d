package io.github.micronautratelimit.config;

import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;

import io.micronaut.context.BeanContext;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.env.Environment;
import io.micronaut.context.env.PropertySource;
import io.micronaut.context.env.SystemPropertiesPropertySource;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.annotation.Order;
import io.micronaut.core.convert.ArgumentConversionContext;
import io.micronaut.core.convert.ConversionContext;
import io.micronaut.core.order.Ordered;
import io.micronaut.core.type.Argument;

/**
 * Refuses to start, before anything else does, if there is no setting of a name that is written, or a value is none of its
 * setting: a name that is misspelt would otherwise limit nothing. Environment variables and system properties are not looked
 * at, for others write them too: Kubernetes does for a service that is called ratelimit.
 */
@Context
@Order(Ordered.HIGHEST_PRECEDENCE)
@RequiresRateLimit
public final class SettingsCheck {

    private final Environment environment;
    private final BeanContext beans;

    SettingsCheck(Environment environment, BeanContext beans) {
        this.environment = environment;
        this.beans = beans;
        check();
    }

    /**
     * Checks what is written by now.
     *
     * @throws ConfigurationException if a name or a value is wrong
     */
    public void check() {
        Map<SettingName, Optional<Object>> written = written();
        if (!written.isEmpty()) {
            KnownSettings known = new KnownSettings(beans);
            written.forEach((name, value) -> known.typeOf(name).ifPresentOrElse(type -> checkValue(name, type),
                    () -> checkName(name, value.orElse(null), known)));
        }
    }

    private Map<SettingName, Optional<Object>> written() {
        Map<SettingName, Optional<Object>> written = new LinkedHashMap<>();
        for (PropertySource source : environment.getPropertySources()) {
            if (source.getConvention() != PropertySource.PropertyConvention.ENVIRONMENT_VARIABLE
                    && !source.getName().equals(SystemPropertiesPropertySource.NAME)) {
                for (String name : source) {
                    if (name.startsWith(RateLimitConfiguration.PREFIX + ".")) {
                        add(SettingName.of(name), source.get(name), written);
                    }
                }
            }
        }
        return written;
    }

    private static void add(SettingName name, @Nullable Object value, Map<SettingName, Optional<Object>> written) {
        if (value instanceof Map<?, ?> map) {
            map.forEach((key, inner) -> add(name.then(String.valueOf(key)), inner, written));
        } else if (value instanceof Collection<?> list && list.stream().anyMatch(Map.class::isInstance)) {
            int index = 0;
            for (Object inner : list) {
                add(name.then("[" + index++ + "]"), inner, written);
            }
        } else {
            written.put(name, Optional.ofNullable(value));
        }
    }

    /** The value is not told, which may be a secret. */
    private static void checkName(SettingName name, @Nullable Object value, KnownSettings known) {
        boolean empty = value == null || value instanceof Collection<?> list && list.isEmpty();
        if (!(empty && known.isAboveOne(name)) && !known.isElsewhere(name)) {
            throw new ConfigurationException(name + " is no setting; " + known.insteadOf(name) + ".");
        }
    }

    private void checkValue(SettingName name, Argument<?> type) {
        if (type.getType() == String.class || Collection.class.isAssignableFrom(type.getType())) {
            return;
        }
        ArgumentConversionContext<?> context = ConversionContext.of(type);
        environment.getProperty(name.toString(), context);
        String text = environment.getProperty(name.toString(), String.class).orElse("");
        boolean neitherTrueNorFalse = type.getType() == boolean.class && !text.equals("true") && !text.equals("false");
        if (context.getLastError().isPresent() || neitherTrueNorFalse) {
            throw new ConfigurationException(name + " = \"" + text + "\" cannot be read; write " + example(type.getType())
                    + ".");
        }
    }

    private static String example(Class<?> type) {
        if (type.isEnum()) {
            return Arrays.stream(type.getEnumConstants()).map(each -> ((Enum<?>) each).name().toLowerCase(Locale.ROOT)
                    .replace('_', '-')).collect(Collectors.joining(", ", "one of ", ""));
        }
        return type == Duration.class ? "a duration such as 100ms, 10s or 1m"
                : type == boolean.class ? "true or false" : "a whole number";
    }
}
