package io.github.micronautratelimit.web;

import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.Limit;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Rejects limits that are well-formed and cannot work: a cost of nothing, a cost that is never granted, a key that is
 * the same for all requests by mistake. Used by every integration, for annotations, rules and builders alike.
 */
public final class LimitCheck {

    private LimitCheck() {}

    /**
     * Rejects a key that is the name of a placeholder without its braces.
     *
     * @param key the template
     * @throws IllegalArgumentException if all requests would share one counter by mistake
     */
    public static void requireBraces(KeyTemplate key) {
        if (key.isText() && isNameOfPlaceholder(key.toString())) {
            throw new IllegalArgumentException("The key \"" + key
                    + "\" has no placeholder, so all requests would share one counter; write a placeholder in braces, such"
                    + " as \"{ip}\" or \"{principal}\", or \"{global}\" if they are to share one.");
        }
    }

    /**
     * Ignores case and signs: {@code ip}, {@code $ip}, {@code (principal)}, {@code apiKey}, {@code header:X-Tenant}.
     */
    private static boolean isNameOfPlaceholder(String text) {
        String word = text.split("[:=.]", 2)[0].replaceAll("[^A-Za-z]", "");
        return Stream.of(KeyTemplate.Source.values())
                .filter(source -> source != KeyTemplate.Source.TEXT && source != KeyTemplate.Source.GLOBAL)
                .anyMatch(source -> source.name().replace("_", "").equalsIgnoreCase(word));
    }

    /**
     * Rejects a cost that can never be more than 0.
     *
     * @param cost the cost
     * @throws IllegalArgumentException if no request costs a permit
     */
    public static void requirePermits(Cost cost) {
        if (cost.most() == 0) {
            throw new IllegalArgumentException(
                    "The cost is 0 permits, so the limit would limit nothing; write 1 or more, or remove the limit.");
        }
    }

    /**
     * Rejects a cost that limits never grant, or that has no effect.
     *
     * @param cost    the cost
     * @param limits  the rate limits
     * @param subject names them in the message, such as {@code the policy "write"}
     * @throws IllegalArgumentException if even the lowest cost is above one of the limits, or there are none
     */
    public static void requireGrantable(Cost cost, List<Limit> limits, String subject) {
        if (limits.isEmpty() && !cost.equals(Cost.ONE)) {
            throw new IllegalArgumentException("A request has a cost in permits, but " + subject
                    + " has no rate limit, and a request holds one slot whatever it costs; remove the cost, or add a rate"
                    + " limit.");
        }
        long capacity = limits.stream().mapToLong(Limit::capacity).min().orElse(Long.MAX_VALUE);
        if (cost.least() > capacity) {
            throw new IllegalArgumentException("A request costs " + cost.least() + " permits, but " + subject
                    + " grants at most " + capacity
                    + " at once, so every request would be denied; write a lower cost or a higher limit.");
        }
    }

    /**
     * Returns whether a bound of a cost is above what a policy grants, so that some requests are denied for ever.
     *
     * @param cost   the cost
     * @param policy the policy
     * @return {@code true} if an upper bound is written and exceeds a limit
     */
    public static boolean exceeds(Cost cost, Policy policy) {
        return !policy.rateLimits().isEmpty() && cost.most() != Long.MAX_VALUE && cost.most() > policy.capacity();
    }

    /**
     * Returns why an override can never apply to the keys of a template.
     *
     * @param key       the key of the override
     * @param template  the template
     * @param addresses spells addresses as keys contain them; {@code null} if they may have any form
     * @return the end of a sentence; {@code null} if the key may occur
     */
    public static @Nullable String mismatch(String key, KeyTemplate template, @Nullable ClientAddress addresses) {
        if (template.parts().size() > 1) {
            return "the key \"" + template + "\" has several parts; give overrides to a policy whose key is a single"
                    + " placeholder.";
        }
        return switch (template.parts().get(0).source()) {
            case GLOBAL -> "all requests share the key \"" + template
                    + "\"; give the policy a key such as \"{principal}\", or remove the override.";
            case IP -> addresses == null
                    ? null
                    : ofAddress(key, template.parts().get(0), addresses);
            case BEARER_TOKEN -> key.length() == KeyHash.of("").length()
                    ? null
                    : "the key of \"{bearer-token}\" is a hash; write the result of KeyHash.of for the token.";
            default -> null;
        };
    }

    private static @Nullable String ofAddress(String key, KeyTemplate.Part part, ClientAddress addresses) {
        boolean range = !part.name().isEmpty();
        String spelled = addresses.spelled(range && key.indexOf('/') > 0 ? key.substring(0, key.indexOf('/')) : key);
        if (spelled == null) {
            return "it is not an address, as the keys of \"" + part + "\" are; write one such as \"192.0.2.1\".";
        }
        spelled = range ? Addresses.grouped(spelled, Integer.parseInt(part.name())) : spelled;
        return spelled.equals(key) ? null : "the key of that address is \"" + spelled + "\"; write it so.";
    }
}
