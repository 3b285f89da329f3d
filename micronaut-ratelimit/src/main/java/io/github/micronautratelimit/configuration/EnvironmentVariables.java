package io.github.micronautratelimit.configuration;

import io.micronaut.context.env.Environment;
import io.micronaut.context.env.PropertySource;
import io.micronaut.context.exceptions.ConfigurationException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * The environment variables that begin with {@code RATELIMIT_}, as properties.
 *
 * <p>The framework makes several names of each variable, because an underscore may be a dot or a hyphen. It makes no
 * list of {@code RATELIMIT_RULES_0_PATH}, and cannot know where the name of a policy ends. The known properties decide
 * both here.
 */
final class EnvironmentVariables {

    private static final String SOURCE = "ratelimit-environment-variables";
    private static final String PREFIX = RateLimitConfiguration.PREFIX.toUpperCase(Locale.ROOT) + "_";
    /** The sections with names or indexes, with the number of typing errors in each that are recognized. */
    private static final Map<String, Integer> LISTS = Map.of("policies", 3, "rules", 1, "clients", 1);

    private static final int MAX_WORDS = 20;

    /** The variables of a Kubernetes service, which has any name. */
    private static final Pattern OF_SERVICE = Pattern.compile(
            ".*_(?:SERVICE_HOST|SERVICE_PORT(?:_.+)?|PORT(?:_\\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)");

    private final Environment environment;
    private final ConfigurationSchema schema;

    EnvironmentVariables(Environment environment, ConfigurationSchema schema) {
        this.environment = environment;
        this.schema = schema;
    }

    /** Returns whether there may be any. */
    static boolean areIn(Environment environment) {
        return environment.getPropertySources().stream()
                .filter(source -> source.getConvention() == PropertySource.PropertyConvention.ENVIRONMENT_VARIABLE)
                .flatMap(source -> StreamSupport.stream(source.spliterator(), false))
                .anyMatch(variable -> variable.toUpperCase(Locale.ROOT).startsWith(PREFIX)
                        || MisspeltPrefix.lengthIn(words(variable)) > 0);
    }

    /**
     * Adds the properties of policies and rules to the environment.
     *
     * @return all properties that variables set
     * @throws ConfigurationException if a variable of rules or policies sets no property
     */
    List<PropertyName> translate() {
        List<PropertyName> found = new ArrayList<>();
        Map<String, Object> listed = new LinkedHashMap<>();
        int order = 0;
        for (PropertySource source : List.copyOf(environment.getPropertySources())) {
            if (source.getConvention() == PropertySource.PropertyConvention.ENVIRONMENT_VARIABLE) {
                order = source.getOrder();
                for (String variable : source) {
                    propertyOf(variable).ifPresent(name -> {
                        found.add(name);
                        if ((LISTS.containsKey(name.parts().get(1)) || name.hasIndex())
                                && !isOverridden(name.toString(), source)) {
                            add(name, source.get(variable), listed);
                        }
                    });
                }
            }
        }
        if (!listed.isEmpty()) {
            environment.addPropertySource(PropertySource.of(SOURCE, listed, order));
        }
        return found;
    }

    /** Adds a property. The framework does not read elements of a list within a rule, so they become one text. */
    private static void add(PropertyName name, @Nullable Object value, Map<String, Object> listed) {
        if (name.isElementOfRule()) {
            listed.merge(name.withoutIndex().toString(), String.valueOf(value), (one, other) -> one + "," + other);
        } else if (value != null) {
            listed.put(name.toString(), value);
        }
    }

    /** Returns whether a source with precedence, such as the system properties, has the same property. */
    private boolean isOverridden(String name, PropertySource source) {
        return environment.getPropertySources().stream()
                .anyMatch(other -> other.getOrder() > source.getOrder()
                        && !other.getName().equals(SOURCE)
                        && other.get(name) != null);
    }

    private Optional<PropertyName> propertyOf(String variable) {
        if (variable.indexOf('[') >= 0) {
            return Optional.empty();
        }
        // Like the framework, accepts any case.
        String upper = variable.toUpperCase(Locale.ROOT);
        if (!upper.startsWith(PREFIX)) {
            requireNotMeant(variable);
            return Optional.empty();
        }
        String rest = upper.substring(PREFIX.length());
        List<String> words = words(rest);
        PropertyName known = words.size() > MAX_WORDS ? null : known(RateLimitConfiguration.PREFIX, words);
        if (known == null && !OF_SERVICE.matcher(rest).matches()) {
            PropertyName guess = guess(words);
            if (isMeantForUs(words, guess)) {
                throw new ConfigurationException("The environment variable " + variable + " sets no property, because `"
                        + guess + "` is unknown; " + schema.suggestion(guess));
            }
        }
        return Optional.ofNullable(known);
    }

    /** Other software has {@code RATE_LIMIT_ENABLED}, but hardly a rule or a policy with the properties of ours. */
    private void requireNotMeant(String variable) {
        List<String> words = words(variable);
        int length = MisspeltPrefix.lengthIn(words);
        if (length == 0 || words.size() - length > MAX_WORDS) {
            return;
        }
        List<String> rest = words.subList(length, words.size());
        PropertyName meant = known(RateLimitConfiguration.PREFIX, rest);
        if (meant != null
                && (LISTS.containsKey(meant.parts().get(1)) || words.get(0).equals(MisspeltPrefix.MICRONAUT))) {
            throw new ConfigurationException("The environment variable " + variable + " sets no property; did you mean "
                    + PREFIX + String.join("_", rest).toUpperCase(Locale.ROOT) + "?");
        }
    }

    private static List<String> words(String variable) {
        return Arrays.asList(variable.toLowerCase(Locale.ROOT).split("_", -1));
    }

    /** Joins words by dots or hyphens, and numbers as indexes, until the name is known; prefers more parts. */
    private @Nullable PropertyName known(String start, List<String> words) {
        if (words.isEmpty()) {
            PropertyName name = PropertyName.of(start);
            return schema.typeOf(name).isPresent() ? name : null;
        }
        String word = words.get(0);
        List<String> further = words.subList(1, words.size());
        if (word.isEmpty()) {
            return null;
        }
        boolean number = word.chars().allMatch(c -> c >= '0' && c <= '9');
        PropertyName known = number ? known(start + "[" + word + "]", further) : null;
        if (known == null && schema.isPrefix(PropertyName.of(start))) {
            known = known(start + "." + word, further);
        }
        if (known == null && start.indexOf('.') > 0 && !start.endsWith("]")) {
            known = known(start + "-" + word, further);
        }
        return known;
    }

    /** Variables that resemble none of our properties may belong to other software. */
    private boolean isMeantForUs(List<String> words, PropertyName guess) {
        boolean listed = LISTS.entrySet().stream()
                .anyMatch(list -> PropertyName.editDistance(words.get(0), list.getKey()) <= list.getValue());
        return words.size() > 2 && listed
                || isBelowList(words)
                || isWithoutElement(words)
                || schema.resemblesProperty(guess);
    }

    /** The framework cannot read a list if there is a property below it. */
    private boolean isBelowList(List<String> words) {
        PropertyName first = PropertyName.of(RateLimitConfiguration.PREFIX + "." + words.get(0));
        return words.size() == 2
                && schema.typeOf(first)
                        .filter(type -> Iterable.class.isAssignableFrom(type.getType()))
                        .isPresent();
    }

    /** Such as {@code RATELIMIT_RULES_PATH}. */
    private boolean isWithoutElement(List<String> words) {
        return words.size() == 2
                && LISTS.containsKey(words.get(0))
                && known(RateLimitConfiguration.PREFIX, List.of(words.get(0), "0", words.get(1))) != null;
    }

    private PropertyName guess(List<String> words) {
        PropertyName prefix = PropertyName.of(RateLimitConfiguration.PREFIX);
        if (isBelowList(words) || isWithoutElement(words)) {
            return prefix.append(words);
        }
        if (words.size() <= 2) {
            return prefix.append(String.join("-", words));
        }
        String middle = String.join("-", words.subList(1, words.size() - 1));
        String name = middle.matches("\\d+") ? "[" + middle + "]" : "." + middle;
        return PropertyName.of(prefix + "." + words.get(0) + name + "." + words.get(words.size() - 1));
    }
}
