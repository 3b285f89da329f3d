package io.github.micronautratelimit.configuration;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Recognizes properties below a prefix that resembles {@code ratelimit}, such as {@code rate-limit}. */
final class MisspeltPrefix {

    private static final String PREFIX = RateLimitConfiguration.PREFIX;
    private static final int MAX_TYPING_ERRORS = 2;
    static final String MICRONAUT = "micronaut";
    private static final List<String> LISTS = List.of("policies", "rules");
    private static final Set<String> SUFFIXES = Set.of("", "s", "er", "ers", "ing");

    private final ConfigurationSchema schema;

    MisspeltPrefix(ConfigurationSchema schema) {
        this.schema = schema;
    }

    /** Returns whether a part of a name is, or resembles, the prefix. */
    static boolean isLikeOurs(PropertyName name) {
        return joined(name.parts()).stream().anyMatch(MisspeltPrefix::resembles);
    }

    /**
     * Returns the number of words at the start of an environment variable that resemble the prefix, alone or after the
     * name of the framework: 2 in {@code RATE_LIMIT_RULES_0_PATH}.
     *
     * @return 0 if none do
     */
    static int lengthIn(List<String> words) {
        int start = words.get(0).equals(MICRONAUT) ? 1 : 0;
        int end = start < words.size() && words.get(start).equals("rate") ? start + 2 : start + 1;
        return end < words.size() && isMisspelt(String.join("", words.subList(start, end))) ? end : 0;
    }

    private static boolean isMisspelt(String plain) {
        return PropertyName.editDistance(plain, PREFIX) <= MAX_TYPING_ERRORS
                || plain.startsWith(PREFIX) && SUFFIXES.contains(plain.substring(PREFIX.length()));
    }

    /**
     * Returns the property that was meant. Properties of other software may have similar names, so what follows the
     * prefix must be known here.
     *
     * @param name the name of any property
     */
    Optional<PropertyName> meant(PropertyName name) {
        List<String> parts = joined(name.parts());
        for (int i = 0; i < parts.size() - 1; i++) {
            String part = parts.get(i);
            boolean own = i == 0
                    && part.equals(PREFIX)
                    && parts.size() == name.parts().size();
            if (!own && resembles(part)) {
                PropertyName meant = new PropertyName(List.of(PREFIX)).append(parts.subList(i + 1, parts.size()));
                boolean atStart = i == 0 || i == 1 && parts.get(0).equals(MICRONAUT);
                boolean known = schema.typeOf(meant).isPresent();
                if (atStart && (known && !isAmbiguous(part, meant) || isListed(meant))
                        || known && meant.parts().size() > 2) {
                    return Optional.of(meant);
                }
            }
        }
        return Optional.empty();
    }

    /** Joins {@code rate.limit} to one part. */
    private static List<String> joined(List<String> parts) {
        int rate = parts.indexOf("rate");
        if (rate < 0 || rate == parts.size() - 1) {
            return parts;
        }
        List<String> joined = new ArrayList<>(parts);
        joined.set(rate, parts.get(rate) + joined.remove(rate + 1));
        return joined;
    }

    private static boolean resembles(String part) {
        String plain = plain(part);
        return plain.startsWith(PREFIX) || PropertyName.editDistance(plain, PREFIX) <= MAX_TYPING_ERRORS;
    }

    /** The name of the artifact is not its prefix. */
    private static String plain(String part) {
        String plain = part.replace("-", "");
        return plain.startsWith(MICRONAUT) ? plain.substring(MICRONAUT.length()) : plain;
    }

    /** Other libraries too have a {@code rate-limiter.enabled}. */
    private static boolean isAmbiguous(String part, PropertyName meant) {
        return meant.toString().equals(PREFIX + ".enabled")
                && PropertyName.editDistance(part.replace("-", ""), PREFIX) > 1;
    }

    private static boolean isListed(PropertyName name) {
        return name.parts().size() > 2
                && LISTS.stream()
                        .anyMatch(list ->
                                PropertyName.editDistance(list, name.parts().get(1)) <= MAX_TYPING_ERRORS);
    }
}
