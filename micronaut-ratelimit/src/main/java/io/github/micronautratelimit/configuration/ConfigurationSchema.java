package io.github.micronautratelimit.configuration;

import io.micronaut.context.BeanContext;
import io.micronaut.context.annotation.ConfigurationReader;
import io.micronaut.context.annotation.Property;
import io.micronaut.core.type.Argument;
import io.micronaut.inject.BeanDefinition;
import io.micronaut.inject.MethodInjectionPoint;
import io.micronaut.inject.qualifiers.Qualifiers;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** The known properties: those of the configuration beans of this library and its modules, and a few without a bean. */
final class ConfigurationSchema {

    private static final String PREFIX = RateLimitConfiguration.PREFIX;
    private static final Map<String, Argument<?>> WITHOUT_BEAN = Map.of(
            PREFIX + ".policies.*.cases[*].when",
            Argument.listOf(String.class),
            PREFIX + ".policies.*.cases[*].limits",
            Argument.listOf(String.class),
            PREFIX + ".policies.*.cases[*].key",
            Argument.STRING,
            PREFIX + ".policies.*.overrides[*].key",
            Argument.STRING,
            PREFIX + ".policies.*.overrides[*].limits",
            Argument.listOf(String.class));

    /** A section name with at most this edit distance to a known one is a typing error. */
    private static final int MAX_TYPING_ERRORS = 2;

    private final Map<PropertyName, Argument<?>> types = new HashMap<>();

    ConfigurationSchema(BeanContext beans) {
        WITHOUT_BEAN.forEach((name, type) -> types.put(PropertyName.of(name), type));
        for (BeanDefinition<?> bean : beans.getBeanDefinitions(Qualifiers.byStereotype(ConfigurationReader.class))) {
            if ((bean.stringValue(ConfigurationReader.class, "prefix").orElse("") + ".").startsWith(PREFIX + ".")) {
                bean.getInjectedMethods().forEach(this::add);
            }
        }
    }

    private void add(MethodInjectionPoint<?, ?> setter) {
        setter.getAnnotationMetadata()
                .stringValue(Property.class, "name")
                .ifPresent(name -> types.put(PropertyName.of(name), setter.getArguments()[0]));
    }

    /** Returns the type of a property, or nothing if the property is unknown. */
    Optional<Argument<?>> typeOf(PropertyName name) {
        return types.entrySet().stream()
                .filter(entry -> name.matches(entry.getKey())
                        || name.withoutIndex().matches(entry.getKey())
                                && Iterable.class.isAssignableFrom(
                                        entry.getValue().getType()))
                .<Argument<?>>map(Map.Entry::getValue)
                .findFirst();
    }

    /** Returns whether known properties begin with a name. */
    boolean isPrefix(PropertyName name) {
        return types.keySet().stream().anyMatch(name::isPrefixOf);
    }

    /** Returns whether a property may belong to a module that is missing: its section resembles no known one. */
    boolean isInUnknownSection(PropertyName name) {
        return name.parts().size() > 2
                && types.keySet().stream()
                        .map(pattern -> pattern.parts().get(1))
                        .noneMatch(section ->
                                PropertyName.editDistance(section, name.parts().get(1)) <= MAX_TYPING_ERRORS);
    }

    /** Returns whether a name differs from that of a property by one character, a plural, hyphens and dots only. */
    boolean resemblesProperty(PropertyName name) {
        return types.keySet().stream()
                .filter(known -> !known.hasIndex())
                .anyMatch(known -> PropertyName.editDistance(letters(name), letters(known)) <= 1);
    }

    private static String letters(PropertyName name) {
        return String.join("", name.parts()).replace("-", "").replaceAll("ies$", "y");
    }

    /** Returns the end of a sentence about an unknown property: a similar one, or those that are possible. */
    String suggestion(PropertyName name) {
        return nearest(name).map(ConfigurationSchema::didYouMean).orElseGet(() -> {
            PropertyName prefix = name;
            while (!isPrefix(prefix)) {
                prefix = prefix.withoutLast();
            }
            return typeOf(prefix).isPresent() ? didYouMean(prefix) : propertiesOf(prefix);
        });
    }

    private static String didYouMean(PropertyName name) {
        return "did you mean `" + name + "`?";
    }

    private String propertiesOf(PropertyName prefix) {
        int next = prefix.parts().size();
        return "the properties of `" + prefix + "` are "
                + types.keySet().stream()
                        .filter(prefix::isPrefixOf)
                        .map(pattern -> prefix.fillIn(pattern).parts().get(next))
                        .collect(Collectors.toCollection(TreeSet::new))
                + ".";
    }

    /** Returns the known property that is most similar to a name, if one is similar enough. */
    private Optional<PropertyName> nearest(PropertyName name) {
        int lengthOfLast = name.parts().get(name.parts().size() - 1).length();
        int maxDistance = Math.max(MAX_TYPING_ERRORS + 1, lengthOfLast / 2);
        return types.keySet().stream()
                .filter(pattern -> !name.isPrefixOf(pattern))
                .map(name::fillIn)
                .filter(known -> known.parts().size() >= name.parts().size() && distance(name, known) <= maxDistance)
                .min(Comparator.<PropertyName>comparingInt(known -> distance(name, known))
                        .thenComparing(PropertyName::toString));
    }

    private static int distance(PropertyName name, PropertyName known) {
        return PropertyName.editDistance(name.toString(), known.toString());
    }
}
