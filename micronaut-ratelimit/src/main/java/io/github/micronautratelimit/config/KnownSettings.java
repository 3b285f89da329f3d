package io.github.micronautratelimit.config;

import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;

import io.micronaut.context.BeanContext;
import io.micronaut.context.annotation.ConfigurationReader;
import io.micronaut.context.annotation.Property;
import io.micronaut.core.type.Argument;
import io.micronaut.inject.BeanDefinition;
import io.micronaut.inject.MethodInjectionPoint;
import io.micronaut.inject.qualifiers.Qualifiers;

/** The settings there are: those of the configuration beans of this library and its modules, and a few that have no bean. */
final class KnownSettings {

    private static final String PREFIX = RateLimitConfiguration.PREFIX;
    private static final Map<String, Argument<?>> WITHOUT_BEAN = Map.of(
            PREFIX + ".policies.*.overrides[*].key", Argument.STRING,
            PREFIX + ".policies.*.overrides[*].limits", Argument.listOf(String.class));
    private static final int TYPING_ERROR = 2;

    private final Map<SettingName, Argument<?>> kinds = new HashMap<>();

    KnownSettings(BeanContext beans) {
        WITHOUT_BEAN.forEach((name, type) -> kinds.put(SettingName.of(name), type));
        for (BeanDefinition<?> bean : beans.getBeanDefinitions(Qualifiers.byStereotype(ConfigurationReader.class))) {
            if ((bean.stringValue(ConfigurationReader.class, "prefix").orElse("") + ".").startsWith(PREFIX + ".")) {
                bean.getInjectedMethods().forEach(this::add);
            }
        }
    }

    private void add(MethodInjectionPoint<?, ?> setter) {
        setter.getAnnotationMetadata().stringValue(Property.class, "name")
                .ifPresent(name -> kinds.put(SettingName.of(name), setter.getArguments()[0]));
    }

    /** What a setting's value is, or nothing if there is no such setting. */
    Optional<Argument<?>> typeOf(SettingName name) {
        return kinds.entrySet().stream().filter(kind -> name.isOf(kind.getKey())
                || name.withoutIndex().isOf(kind.getKey()) && Iterable.class.isAssignableFrom(kind.getValue().getType()))
                .<Argument<?>>map(Map.Entry::getValue).findFirst();
    }

    boolean isAboveOne(SettingName name) {
        return kinds.keySet().stream().anyMatch(name::isAbove);
    }

    /** Whether a name may be that of a setting of a module that is not there: it is in a part of its own. */
    boolean isElsewhere(SettingName name) {
        return name.parts().size() > 2 && kinds.keySet().stream().map(kind -> kind.parts().get(1))
                .noneMatch(part -> SettingName.distance(part, name.parts().get(1)) <= TYPING_ERROR);
    }

    /** What to write instead of a name that there is not. */
    String insteadOf(SettingName name) {
        SettingName nearest = nearest(name);
        if (nearest != null) {
            return "write " + nearest;
        }
        SettingName within = name;
        while (!isAboveOne(within)) {
            within = new SettingName(within.parts().subList(0, within.parts().size() - 1));
        }
        int next = within.parts().size();
        SettingName above = within;
        return typeOf(above).isPresent() ? "write " + above : "under " + above + " there are " + kinds.keySet().stream().filter(above::isAbove)
                .map(kind -> above.like(kind).parts().get(next)).collect(Collectors.toCollection(TreeSet::new));
    }

    /** The name of a setting that is likely meant; {@code null} if none is much like it. */
    private @Nullable SettingName nearest(SettingName name) {
        String written = name.toString();
        int last = name.parts().get(name.parts().size() - 1).length();
        return kinds.keySet().stream().filter(kind -> !name.isAbove(kind)).map(name::like)
                .filter(like -> like.parts().size() >= name.parts().size()
                        && distance(written, like) <= Math.max(TYPING_ERROR + 1, last / 2))
                .min(Comparator.<SettingName>comparingInt(like -> distance(written, like)).thenComparing(SettingName::toString))
                .orElse(null);
    }

    private static int distance(String written, SettingName like) {
        return SettingName.distance(written, like.toString());
    }
}
