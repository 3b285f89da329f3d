package io.github.micronautratelimit.simulator.convert;

import java.time.Duration;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Converts rate limiters of Resilience4j. Each instance of the application has one counter per limiter, and all callers
 * share it. A caller waits for permits up to {@code timeout-duration}.
 */
final class Resilience4jInstances {

    private static final Pattern DURATION = Pattern.compile("(\\d+)\\s*(ns|us|ms|s|m|h|d)?");
    private static final Duration MOST_WAIT = Duration.ofHours(1);
    private static final String DEFAULT_PERIOD = "500ns";
    private static final String DEFAULT_TIMEOUT = "5s";
    private static final int DEFAULT_LIMIT = 50;

    private final Conversion conversion;

    Resilience4jInstances(Conversion conversion) {
        this.conversion = conversion;
    }

    void convert(Tree file) {
        Tree limiters = file.at("resilience4j.ratelimiter");
        if (limiters.isEmpty()) {
            return;
        }
        Tree configs = limiters.at("configs").isEmpty() ? limiters.at("configurations") : limiters.at("configs");
        Tree instances = limiters.at("instances").isEmpty() ? limiters.at("limiters") : limiters.at("instances");
        for (String name : instances.names()) {
            instance(name, instances.at(name), configs);
        }
        conversion.remark("Name the policies at methods, as in @RateLimit(policy = \"NAME\"), in place of"
                + " @RateLimiter(name = \"NAME\"). Resilience4j counts in each instance of the application; here instances that"
                + " share a store count together.");
        conversion.remark("A period of Resilience4j starts with the limiter; a fixed window starts with the clock.");
        for (String other : List.of("bulkhead", "thread-pool-bulkhead", "circuitbreaker", "retry", "timelimiter")) {
            if (file.has("resilience4j." + other)) {
                conversion.remark("resilience4j." + other + " is not a rate limit, and is not converted"
                        + (other.equals("bulkhead")
                                ? "; a limit such as \"5 concurrent\" bounds concurrent calls."
                                : "."));
            }
        }
    }

    private void instance(String name, Tree instance, Tree configs) {
        String base = instance.text("base-config").isEmpty() ? "default" : instance.text("base-config");
        Tree shared = configs.at(base);
        long permits = instance.number("limit-for-period", shared.number("limit-for-period", DEFAULT_LIMIT));
        Duration period = duration(value("limit-refresh-period", instance, shared, DEFAULT_PERIOD), name);
        Duration timeout = duration(value("timeout-duration", instance, shared, DEFAULT_TIMEOUT), name);
        if (period.compareTo(Duration.ofNanos(1_000)) < 0) {
            conversion.remark("The limiter " + name
                    + " has a period below a microsecond, which limits nothing; it is not" + " converted.");
            return;
        }
        String policy = conversion.policy(name, List.of(permits + "/" + text(period) + " fixed"), "{global}");
        if (!timeout.isZero()) {
            conversion.set(policy, "max-wait", text(timeout.compareTo(MOST_WAIT) > 0 ? MOST_WAIT : timeout));
        }
    }

    private static String value(String name, Tree instance, Tree shared, String otherwise) {
        String own = instance.text(name).isEmpty() ? shared.text(name) : instance.text(name);
        return own.isEmpty() ? otherwise : own;
    }

    /** Reads {@code 500ms} or {@code PT1S}; a plain number is milliseconds. */
    private Duration duration(String text, String name) {
        Matcher plain = DURATION.matcher(text);
        if (!plain.matches()) {
            try {
                return Duration.parse(text);
            } catch (DateTimeParseException e) {
                conversion.remark("The duration " + text + " of the limiter " + name + " is not known.");
                return Duration.ZERO;
            }
        }
        long number = Long.parseLong(plain.group(1));
        return switch (String.valueOf(plain.group(2))) {
            case "ns" -> Duration.ofNanos(number);
            case "us" -> Duration.ofNanos(1_000 * number);
            case "s" -> Duration.ofSeconds(number);
            case "m" -> Duration.ofMinutes(number);
            case "h" -> Duration.ofHours(number);
            case "d" -> Duration.ofDays(number);
            default -> Duration.ofMillis(number);
        };
    }

    private static String text(Duration duration) {
        long micros = duration.toNanos() / 1_000;
        if (micros % 1_000 != 0) {
            return micros + "us";
        }
        return micros % 1_000_000 != 0 ? micros / 1_000 + "ms" : micros / 1_000_000 + "s";
    }
}
