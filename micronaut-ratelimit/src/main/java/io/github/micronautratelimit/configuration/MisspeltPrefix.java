package io.github.micronautratelimit.configuration;

import java.util.List;
import java.util.Optional;

/** Recognizes properties below a prefix that resembles {@code ratelimit}, such as {@code rate-limit}. */
final class MisspeltPrefix {

    private static final String PREFIX = RateLimitConfiguration.PREFIX;
    private static final int MAX_TYPING_ERRORS = 2;
    private static final String MICRONAUT = "micronaut";
    private static final List<String> LISTS = List.of("policies", "rules");

    private final ConfigurationSchema schema;

    MisspeltPrefix(ConfigurationSchema schema) {
        this.schema = schema;
    }

    /** Returns whether a part of a name is, or resembles, the prefix. */
    static boolean isLikeOurs(PropertyName name) {
        return name.parts().stream().anyMatch(MisspeltPrefix::resembles);
    }

    /**
     * Returns the property that was meant. Properties of other software may have similar names, so what follows the
     * prefix must be known here.
     *
     * @param name the name of any property
     */
    Optional<PropertyName> meant(PropertyName name) {
        List<String> parts = name.parts();
        for (int i = 0; i < parts.size() - 1; i++) {
            String part = parts.get(i);
            boolean own = i == 0 && part.equals(PREFIX);
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

    private static boolean resembles(String part) {
        String plain = part.replace("-", "");
        return plain.startsWith(PREFIX) || PropertyName.editDistance(plain, PREFIX) <= MAX_TYPING_ERRORS;
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
